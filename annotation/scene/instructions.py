"""Three ways to say what the gripper does, from the colour and class of the block and of where it goes."""

_PHASES: dict[str, tuple[str, str, str]] = {
    "approach": (
        "Move the gripper towards the {it}.",
        "Reach for the {it} with the fingers open.",
        "Bring the hand above the {it}.",
    ),
    "pre-grasp": (
        "Lower the open gripper around the {it}.",
        "Come down over the {it}, one finger on each side.",
        "Line the fingers up with the sides of the {it}.",
    ),
    "grasp": ("Close the fingers on the {it}.", "Grip the {it}.", "Squeeze the {it} between the fingers."),
    "lift": ("Lift the {it} straight up.", "Raise the {it} off the {origin}.", "Pick the {it} up."),
    "transport": (
        "Carry the {it} over the {goal}.",
        "Move the {it} across to the {goal}.",
        "Bring the {it} to the {goal} without setting it down.",
    ),
    "place": (
        "Lower the {it} {onto} the {goal}.",
        "Set the {it} down {onto} the {goal}.",
        "Put the {it} down gently {onto} the {goal}.",
    ),
    "release": ("Let go of the {it}.", "Open the fingers and leave the {it}.", "Release the {it} {onto} the {goal}."),
}
_TASK = (
    "Pick up the {it} and put it {onto} the {goal}.",
    "Take the {it} from the {origin} and place it {onto} the {goal}.",
    "Move the {it} {onto} the {goal}.",
)


def write_instructions(phase: str | None, *, it: str, origin: str, goal: str, onto: str) -> tuple[str, str, str]:
    """Three different sentences for a phase, or for the whole task when phase is None."""
    first, second, third = (
        text.format(it=it, origin=origin, goal=goal, onto=onto) for text in (_TASK if phase is None else _PHASES[phase])
    )
    return first, second, third
