"""What people and statistics say of the work: flags, verdicts, agreement between two annotators."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models
from django.db.models import ExpressionWrapper, F

from annotation.models import Clip, Label, Project, Task
from enrichment.models import PoseCorrection


class FlagQuerySet(models.QuerySet["Flag"]):
    def open(self) -> FlagQuerySet:
        return self.filter(state=Flag.State.OPEN)

    def at(self, *, clip: int, task: int | None, check: str) -> FlagQuerySet:
        """All that one check ever said of a clip's proposals (task None) or of a task's work."""
        return self.filter(clip=clip, task=task, check_name=check)

    def touching(self, *, start: int, end: int) -> FlagQuerySet:
        """Flags that share a frame with `[start, end)`."""
        return self.filter(start__lt=end, end__gt=start)

    def worst_first(self) -> FlagQuerySet:
        """By severity, then the oldest; `rank` is one number per flag, so that a list can go on where it ended."""
        # The type is said, because Django takes a comparison beyond what the columns' own type holds for always true.
        rank = ExpressionWrapper(F("severity") * 2**40 - F("pk"), output_field=models.BigIntegerField())
        return self.annotate(rank=rank).order_by("-severity", "pk")


class Flag(models.Model):
    """A doubt about a range of frames, with the evidence for it, until a person has decided on it."""

    class Severity(models.IntegerChoices):
        LOW = 1, "Low"
        MEDIUM = 2, "Medium"
        HIGH = 3, "High"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        FIXED = "fixed", "Fixed"
        DISMISSED = "dismissed", "Dismissed"
        SENT_BACK = "sent_back", "Sent back"
        GONE = "gone", "No longer found"

    project = models.ForeignKey(Project, models.CASCADE, related_name="flags")
    clip = models.ForeignKey(Clip, models.CASCADE, related_name="flags")
    task = models.ForeignKey(
        Task,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="flags",
        help_text="whose work it is about; none for proposals",
    )
    # Django's models have a method `check`; the API calls this field so.
    check_name = models.CharField(max_length=60)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField(help_text="first frame after the range")
    severity = models.PositiveSmallIntegerField(choices=Severity, default=Severity.MEDIUM)
    reason = models.CharField(max_length=500, help_text="one sentence with numbers")
    evidence = models.JSONField(default=dict, help_text="what is drawn over the picture")
    # Of the evidence, what statistics ask for: reading it from the JSON of every flag would not stay quick.
    kind = models.CharField(max_length=40, blank=True, help_text="what disagrees")
    label = models.CharField(max_length=120, blank=True, help_text="of the thing, joint or phase that it is about")
    measure = models.FloatField(null=True, blank=True, help_text="the number that decided, in the check's unit")
    fingerprint = models.CharField(
        max_length=64,
        unique=True,
        help_text="SHA-256 of what was found where; found again, it is the same flag",
    )
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.TextField(blank=True, help_text="why it was dismissed, what is to be mended, or how it was")
    correction = models.ForeignKey(
        PoseCorrection,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="flags",
        help_text="what settled it, where joints were interpolated",
    )
    before_correction = models.JSONField(
        null=True, blank=True, help_text="state, who, when and decision as they were, for taking the correction back"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        ordering = ["-severity", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gt=F("start")), name="a_flag_has_frames"),
            models.CheckConstraint(condition=models.Q(severity__range=(1, 3)), name="a_severity_is_1_2_or_3"),
        ]
        indexes = [
            models.Index(fields=["project", "state", "-severity", "id"]),
            models.Index(fields=["project", "state", "severity", "id"], name="flag_severity_newest"),
            models.Index(fields=["project", "check_name"], name="flag_check"),
            models.Index(fields=["clip", "task", "check_name"]),
        ]

    def __str__(self) -> str:
        return f"flag {self.pk}: {self.reason}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class Review(models.Model):
    """One verdict on one submission of a task."""

    class Verdict(models.TextChoices):
        ACCEPT = "accept", "Accepted"
        SEND_BACK = "send_back", "Sent back"

    project = models.ForeignKey(Project, models.CASCADE, related_name="reviews")
    task = models.ForeignKey(Task, models.CASCADE, related_name="reviews")
    # Kept here, because a task that is released has another assignee.
    annotator = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    verdict = models.CharField(max_length=10, choices=Verdict)
    comment = models.TextField(blank=True)
    number = models.PositiveIntegerField(help_text="1 for the first verdict on the task")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["task", "number"]
        constraints = [
            models.UniqueConstraint(fields=["task", "number"], name="verdicts_on_a_task_are_numbered_once"),
        ]
        indexes = [models.Index(fields=["project", "annotator"]), models.Index(fields=["project", "at"])]

    def __str__(self) -> str:
        return f"{self.get_verdict_display()} task {self.task_id}"


class Agreement(models.Model):
    """What two annotators of the same frames agreed on, as their work stood. A row's figures are never changed.

    The first comparison of a pair is between people who had not seen each other's work; statistics use that one.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="agreements")
    task = models.ForeignKey(Task, models.CASCADE, related_name="agreements")
    second = models.ForeignKey(Task, models.CASCADE, related_name="+")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the revisions compared")
    first = models.BooleanField(default=False)
    mean_iou = models.FloatField(null=True, help_text="over all things that either drew, 0-1")
    boundary_px = models.FloatField(null=True)
    temporal_iou = models.FloatField(null=True, help_text="over all segments that either set, 0-1")
    boundary_error_s = models.FloatField(null=True)
    segment_f1 = models.FloatField(null=True, help_text="F1@50")
    kappa = models.FloatField(null=True, help_text="Cohen's, by frame, of the primitive actions")
    frames = models.JSONField(default=list, help_text="per frame: pairs, only one, confused labels")
    segments = models.JSONField(default=list, help_text="pairs of segments and those without a partner")
    computed_at = models.DateTimeField(auto_now=True, help_text="when this was last found to hold")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["task", "second", "fingerprint"], name="the_same_work_is_compared_once"),
            models.UniqueConstraint(
                fields=["task", "second"], condition=models.Q(first=True), name="a_pair_has_one_first_comparison"
            ),
        ]
        indexes = [models.Index(fields=["project", "first"])]

    def __str__(self) -> str:
        return f"agreement of tasks {self.task_id} and {self.second_id}"


class LabelAgreement(models.Model):
    """One label's part in an agreement, as columns: a project's figures are one query however many pairs it has."""

    agreement = models.ForeignKey(Agreement, models.CASCADE, related_name="labels")
    label = models.ForeignKey(Label, models.CASCADE, related_name="+")
    masks = models.PositiveIntegerField(help_text="things that either annotator drew")
    matched = models.PositiveIntegerField(help_text="of these, those that both drew with this label")
    low = models.PositiveIntegerField(help_text="of the matched, those that overlap little")
    confused = models.PositiveIntegerField(help_text="drawn by both, with another label on the other side")
    iou = models.FloatField(help_text="mean over masks; what only one drew counts as 0")
    boundary_px = models.FloatField(null=True, help_text="mean over the matched")

    class Meta:
        ordering = ["label__order", "label"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "label"], name="a_label_is_once_in_an_agreement"),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.iou:.2f}"
