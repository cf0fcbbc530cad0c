"""What a new project begins with: words for table-top manipulation.

The colours of each list were chosen by a search over the HSV grid that makes the smallest distance between any two as
large as can be, in CIE Lab, for normal sight and for protanopia, deuteranopia and tritanopia as simulated by Machado,
Oliveira and Fernandes (2009), and keeps their lightness apart. A test holds them to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from annotation.models import Label
from annotation.terms import ActionContent, Content, LabelContent

# Ways to say it, offered to whoever writes the instructions of a segment.
_ACTION_TEMPLATES = {
    "pick_and_place": (
        "Pick up the {object} and put it in its place",
        "Take the {object} from where it is and set it down over there",
        "Move the {object} to where it belongs",
    ),
    "pick": ("Pick up the {object}", "Take hold of the {object} and lift it", "Get the {object} off the table"),
    "place": ("Put the {object} down", "Set the {object} where it belongs", "Place the {object} and let go of it"),
    "push": ("Push the {object} forward", "Slide the {object} away from you", "Shove the {object} along the table"),
    "pull": ("Pull the {object} closer", "Drag the {object} towards you", "Draw the {object} back along the table"),
    "pour": ("Pour from the {object}", "Tilt the {object} so that its contents run out", "Empty the {object} slowly"),
    "open": ("Open the {object}", "Make the inside of the {object} reachable", "Get the {object} to stand open"),
    "close": ("Close the {object}", "Shut the {object} again", "See to it that the {object} is no longer open"),
    "hand-over": ("Hand the {object} over", "Give the {object} to the other hand", "Pass on the {object}"),
    "wipe": ("Wipe the {object}", "Clean the surface of the {object}", "Go over the {object} with the cloth"),
    "stir": (
        "Stir what is in the {object}",
        "Mix the contents of the {object}",
        "Turn a spoon in the {object}",
    ),
    "insert": ("Insert the {object}", "Push the {object} into its slot", "Fit the {object} where it goes in"),
    "fold": ("Fold the {object}", "Lay one half of the {object} over the other", "Turn the edge of the {object} in"),
}
_PHASE_TEMPLATES = {
    "approach": ("Reach for the {object}", "Move the {hand} towards the {object}", "Go to where the {object} is"),
    "pre-grasp": (
        "Line the {hand} up with the {object}",
        "Get ready to grip the {object}",
        "Open beside the {object}",
    ),
    "grasp": ("Take hold of the {object}", "Close the {hand} on the {object}", "Grip it firmly: the {object}"),
    "lift": ("Lift the {object}", "Raise the {object} off what it stands on", "Take the {object} up with the {hand}"),
    "transport": (
        "Carry the {object} over",
        "Bring the {object} to its goal",
        "Take the {object} there",
    ),
    "place": ("Set the {object} down", "Lower the {object} to where it belongs", "Put the {object} in its place"),
    "release": (
        "Let go of the {object}",
        "Open the {hand} and leave the {object}",
        "Release the {object}",
    ),
}

_Rigidity = Label.Rigidity
# Agreement between two people that is expected of an outline, by how firm the outline is.
_IOU_TARGET = {_Rigidity.RIGID: 0.85, _Rigidity.DEFORMABLE: 0.75, _Rigidity.THIN: 0.70}


def _label(
    key: str,
    colour: str,
    rigidity: Label.Rigidity,
    min_area: int,
    min_width: int,
    definition: str,
) -> LabelContent:
    return {
        "key": key,
        "definition": definition,
        "colour": colour,
        "retired": False,
        "rigidity": rigidity.value,
        "iou_target": _IOU_TARGET[rigidity],
        "min_area": min_area,
        "min_width": min_width,
        "required": False,
    }


def _term(key: str, colour: str, definition: str) -> ActionContent:
    return _with_templates(key, colour, definition, _ACTION_TEMPLATES[key])


def _phase(key: str, colour: str, definition: str) -> ActionContent:
    return _with_templates(key, colour, definition, _PHASE_TEMPLATES[key])


def _with_templates(key: str, colour: str, definition: str, templates: Sequence[str]) -> ActionContent:
    return {
        "key": key,
        "definition": definition,
        "colour": colour,
        "retired": False,
        "templates": list(templates),
    }


TAXONOMY: Content = {
    "labels": [
        _label(
            "target_object",
            "#ddfa4b",
            _Rigidity.RIGID,
            64,
            4,
            "An object that is being manipulated, or will be in this clip. Each object has its own track, from the "
            "first frame in which it can be seen, also before it is touched.",
        ),
        _label(
            "support_surface",
            "#1b593a",
            _Rigidity.RIGID,
            400,
            8,
            "What objects stand or lie on: table, tray, shelf, floor. Only the part that can be seen between the "
            "things on it.",
        ),
        _label(
            "container",
            "#69b1bf",
            _Rigidity.RIGID,
            64,
            4,
            "What things are put into or poured into: box, bowl, mug, drawer. The visible inside belongs to it, the "
            "contents do not. A container that is itself moved is a target_object.",
        ),
        _label(
            "obstacle_rigid",
            "#bf640a",
            _Rigidity.RIGID,
            64,
            4,
            "A firm thing that is in the way or stands by and is not manipulated in this clip.",
        ),
        _label(
            "obstacle_deformable",
            "#9d7be0",
            _Rigidity.DEFORMABLE,
            64,
            4,
            "A thing without a shape of its own that is in the way or lies by: cloth, bag, cable.",
        ),
        _label(
            "robot_arm",
            "#684bfa",
            _Rigidity.RIGID,
            256,
            6,
            "The moving links of the robot from its base to the wrist flange, cables that are fixed to it included; "
            "not the gripper.",
        ),
        _label(
            "gripper",
            "#804680",
            _Rigidity.RIGID,
            64,
            3,
            "Everything beyond the wrist flange that the robot touches with: palm, fingers, suction cup. What it "
            "holds is not part of it.",
        ),
        _label(
            "human_hand",
            "#e0ae7b",
            _Rigidity.DEFORMABLE,
            64,
            4,
            "A person's hand to the wrist, a glove included. Left and right hand are two tracks. A bare or sleeved "
            "arm beyond the wrist is background.",
        ),
        _label(
            "background",
            "#53089e",
            _Rigidity.RIGID,
            400,
            8,
            "What is none of the others and was marked on purpose, such as a wall or a person's body. Pixels that "
            "nobody marked count as background too.",
        ),
    ],
    "actions": [
        _term(
            "pick_and_place",
            "#f2f200",
            "Take an object from where it is and set it down elsewhere: a whole task, of the phases below.",
        ),
        _term(
            "pick",
            "#89c2fa",
            "Take hold of an object and lift it off what it stands on.",
        ),
        _term("place", "#fa830c", "Set a held object down and let go of it."),
        _term(
            "push",
            "#593e31",
            "Move an object along a surface by contact, away from the arm, without holding it.",
        ),
        _term(
            "pull",
            "#9e2108",
            "Move an object along a surface towards the arm, by a grip, a hook or friction.",
        ),
        _term("pour", "#4bfadd", "Tilt a container so that its contents run out."),
        _term(
            "open",
            "#aee07b",
            "Make the inside reachable: lid, door, drawer, flap, cap.",
        ),
        _term("close", "#442680", "Shut what could be opened."),
        _term(
            "hand-over",
            "#c04bfa",
            "Give an object to another hand or gripper, or take it from one.",
        ),
        _term(
            "wipe",
            "#9e9257",
            "Move something over a surface in order to clean or to spread.",
        ),
        _term(
            "stir",
            "#9e577b",
            "Move a tool in the contents of a container, round or to and fro.",
        ),
        _term(
            "insert",
            "#397cbf",
            "Bring an object into a hole, slot or socket that it fits.",
        ),
        _term("fold", "#830cfa", "Lay one part of a soft object over another part of it."),
    ],
    "phases": [
        _phase(
            "approach",
            "#59441b",
            "The hand or gripper moves towards the object, before its speed falls.",
        ),
        _phase(
            "pre-grasp",
            "#9e089e",
            "Slow alignment next to the object: opening, turning, centring; no contact yet.",
        ),
        _phase("grasp", "#684bfa", "From the first contact until the object is held."),
        _phase(
            "lift",
            "#e04392",
            "From the moment the object leaves what it stood on until it moves sideways.",
        ),
        _phase("transport", "#e0990b", "The held object is carried to where it shall go."),
        _phase(
            "place",
            "#4bddfa",
            "The held object is lowered or brought into contact with its destination.",
        ),
        _phase(
            "release",
            "#fae789",
            "From the moment the grip loosens until no finger touches the object.",
        ),
    ],
}

GUIDELINE = """\
# How to annotate table-top manipulation

## Masks
- Follow the visible outline to within two pixels. What is hidden behind something else does not belong to the mask.
- One mask per object and frame. An object in two visible pieces is still one mask with two parts.
- The foreground takes the pixels: where a gripper covers the object, the pixels are the gripper's. Mark the object as
  occluded.
- Holes through which the background can be seen, such as the eye of a handle, are left out.
- Shadows and reflections belong to the surface that they fall on, not to the object that casts them.
- An object keeps its track as long as you are sure that it is the same one, also after it was hidden.

## Actions
- An action begins on the first frame in which the motion towards its goal can be seen, and ends on the frame after the
  last one.
- Phases follow each other without a gap: approach, pre-grasp, grasp, lift, transport, place, release. Leave out those
  that do not happen.
- Grasp begins when gripper or hand first touches the object and ends when the object is held. Lift begins when the
  object leaves what it stands on.
- Write three instructions that a person could have given before the action, each in other words: "Put the red block
  into the box", not "The gripper moves right".

## Right and wrong
| right | wrong |
|---|---|
| The mask of a mug leaves out the inside of its handle. | The mask of a mug is filled like a coin. |
| The thin stream while pouring is part of what is poured. | The stream is given to the mug behind it. |
| Release ends when no finger touches the object. | Release ends when the gripper has left the picture. |

## Edge cases
Nothing yet. When you meet a case that these rules do not answer, ask your QA lead; the answer is written down here.
"""
