"""The taxonomy as plain data: what the API sends, what a version keeps and what an export reads."""

from __future__ import annotations

from typing import TypedDict


class TermContent(TypedDict):
    """A word of any list; `colour` is #rrggbb, a retired word is kept for old annotations only."""

    key: str
    definition: str
    colour: str
    retired: bool


class ActionContent(TermContent):
    """An action class or a phase: templates are sentences with {object} and {hand} for instructions."""

    templates: list[str]


class LabelContent(TermContent):
    """A class of object. iou_target: 0-1; min_area: px²; min_width: px."""

    rigidity: str
    iou_target: float
    min_area: int
    min_width: int
    required: bool


class Content(TypedDict):
    """The whole, each list in the order in which people see it; phases in the order in which they happen."""

    labels: list[LabelContent]
    actions: list[ActionContent]
    phases: list[ActionContent]
