from annotation.models.clip import Clip
from annotation.models.guideline import Guideline
from annotation.models.history import History
from annotation.models.mask import Mask, MaskRevision
from annotation.models.project import Membership, Project
from annotation.models.proposal import Decision, Proposal
from annotation.models.revision import Write
from annotation.models.segment import Segment, SegmentRevision
from annotation.models.task import Task
from annotation.models.taxonomy import ActionClass, Label, Phase, TaxonomyVersion
from annotation.models.track import Track, TrackRevision
from annotation.models.upload import Upload

__all__ = [
    "ActionClass",
    "Clip",
    "Decision",
    "Guideline",
    "History",
    "Label",
    "Mask",
    "MaskRevision",
    "Membership",
    "Phase",
    "Project",
    "Proposal",
    "Segment",
    "SegmentRevision",
    "Task",
    "TaxonomyVersion",
    "Track",
    "TrackRevision",
    "Upload",
    "Write",
]
