"""The ledger of machine work. The broker only carries hints; what is to be done, and was, stands here.

Run (a request) ─< LayerRun (one layer on one clip, by fingerprint) ─< Batch (some of its frames, or its last step)
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import User
from django.db import models
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now

from annotation.models import Clip, Project, Task

# Layer runs of one request that a page counts itself; of more it shows the last count.
LARGE_RUN = 20_000


def from_now(seconds: float) -> CombinedExpression:
    """A moment by the database's clock: workers' own clocks disagree."""
    return CombinedExpression(Now(), "+", models.Value(timedelta(seconds=seconds)), output_field=models.DateTimeField())


class LayerSetting(models.Model):
    """What a project sets otherwise than a layer's defaults."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="layer_settings")
    layer = models.CharField(max_length=40)
    parameters = models.JSONField(default=dict)
    engine = models.CharField(
        max_length=300,
        blank=True,
        help_text="name or name:folder of weights, several with commas; empty for the layer's own",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "layer"], name="a_layer_is_set_once_in_a_project"),
        ]

    def __str__(self) -> str:
        return f"{self.layer} in {self.project_id}"


class LayerRunQuerySet(models.QuerySet["LayerRun"]):
    def current(self) -> LayerRunQuerySet:
        """What counts now for each clip and layer; older ones stay as history."""
        return self.filter(current=True)

    def kept(self) -> LayerRunQuerySet:
        """Older versions whose files are still there, the latest first."""
        return self.filter(kept_at__isnull=False, current=False).order_by("-kept_at", "-pk")

    def unsettled(self) -> LayerRunQuerySet:
        return self.filter(state__in=LayerRun.UNSETTLED)


class LayerRun(models.Model):
    """One layer on one clip. The fingerprint stands for engine, versions, parameters, source and all upstream."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for other layers"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        BLOCKED = "blocked", "Blocked"
        NO_ENGINE = "no_engine", "No engine"
        SUPERSEDED = "superseded", "Superseded"

    UNSETTLED: ClassVar = (State.WAITING, State.QUEUED, State.RUNNING)
    # Without a result, as long as nobody changes something.
    STUCK: ClassVar = (State.FAILED, State.BLOCKED, State.NO_ENGINE)

    clip = models.ForeignKey(Clip, models.CASCADE, related_name="layer_runs")
    layer = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=64)
    current = models.BooleanField(default=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    engine = models.CharField(max_length=300, blank=True)
    engine_version = models.CharField(max_length=400, blank=True, help_text="with the SHA-256 of its weights")
    version = models.CharField(max_length=20, help_text="of the layer")
    parameters = models.JSONField(default=dict)
    error = models.TextField(blank=True, help_text="why it failed, is blocked or has no engine")
    priority = models.PositiveSmallIntegerField(default=50, help_text="lower goes first; see enrichment/priorities.py")
    seconds = models.FloatField(default=0.0, help_text="that workers computed, failed attempts included")
    attempts = models.PositiveIntegerField(default=0, help_text="at its batches, however they ended")
    failures = models.PositiveIntegerField(default=0, help_text="of these attempts")
    measure = models.FloatField(null=True, blank=True, help_text="what the layer itself thinks of its result, 0-1")
    unjudged = models.TextField(blank=True, default="", help_text="why a check that is done could not judge the clip")
    batches_total = models.PositiveIntegerField(default=0)
    batches_done = models.PositiveIntegerField(default=0)
    files = models.JSONField(default=list, help_text="paths in the clip folder")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    done_at = models.DateTimeField(null=True, blank=True)
    homeless_at = models.DateTimeField(
        null=True, blank=True, help_text="since when no live worker has what computes it; see routing.py"
    )
    kept_at = models.DateTimeField(null=True, blank=True, help_text="when another version took its place; see kept.py")
    kept_bytes = models.PositiveBigIntegerField(default=0, help_text="on disk, while it is kept and not current")
    pinned = models.BooleanField(default=False, help_text="made current by hand; stands whatever the project has set")

    objects = LayerRunQuerySet.as_manager()

    class Meta:
        ordering = ["clip", "id"]
        constraints = [
            models.UniqueConstraint(fields=["clip", "layer", "fingerprint"], name="a_fingerprint_is_computed_once"),
            models.UniqueConstraint(
                fields=["clip", "layer"], condition=models.Q(current=True), name="a_clip_has_one_current_run_of_a_layer"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "id"]),
            models.Index(fields=["layer", "done_at"], name="layerrun_watched"),
            models.Index(fields=["changed_at"], condition=models.Q(state="queued"), name="layerrun_longest_queued"),
            # The few without a judgement, among the millions of current ones.
            models.Index(
                fields=["layer"],
                condition=models.Q(current=True)
                & (models.Q(state__in=["failed", "blocked", "no_engine"]) | ~models.Q(unjudged="")),
                name="layerrun_unjudged",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer} of clip {self.clip_id}"

    @property
    def is_settled(self) -> bool:
        return self.state not in self.UNSETTLED

    @property
    def returns(self) -> bool:
        """Whether it was computed before and only has to be brought back."""
        return self.done_at is not None


class RunQuerySet(models.QuerySet["Run"]):
    def light(self) -> RunQuerySet:
        """For lists: without the ids of clips, of which a large request has half a million."""
        return self.defer("clips")

    def unplanned(self) -> RunQuerySet:
        """Those whose clips are not all in the ledger yet."""
        return self.filter(planned_at=None)


class Run(models.Model):
    """A request: these layers on these clips. What is computed already is not computed again."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="runs")
    by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", help_text="empty when a clip's arrival asked"
    )
    layers = models.JSONField(default=list)
    clips = models.JSONField(default=list, help_text="ids, as they were when it was asked for")
    clip_count = models.PositiveIntegerField(default=0)
    clips_planned = models.PositiveIntegerField(default=0, help_text="how many of `clips` the ledger holds so far")
    told_at = models.DateTimeField(
        null=True, blank=True, help_text="when the broker was last told to plan it, or some of it was planned"
    )
    retry = models.BooleanField(default=True, help_text="try again what has failed")
    layer_runs = models.ManyToManyField(LayerRun, related_name="runs")
    created_at = models.DateTimeField(auto_now_add=True)
    planned_at = models.DateTimeField(null=True, blank=True, help_text="when the ledger held all of it")
    settled_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="why it could not be planned")
    announced_at = models.DateTimeField(null=True, blank=True, help_text="bounds how often open pages are told")
    summary = models.JSONField(null=True, blank=True, help_text="progress of a large request, as last counted")
    summary_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["project", "-id"]),
            models.Index(fields=["id"], condition=models.Q(planned_at=None), name="run_unplanned"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_large(self) -> bool:
        """Whether counting its progress takes too long for a page; then `summary` is shown."""
        return self.clip_count * len(self.layers) > LARGE_RUN


class Leased(models.Model):
    """Work that one worker holds at a time, by a token that expires unless it is renewed."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting for another step"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    owner = models.UUIDField(null=True, blank=True, help_text="token of the worker that holds it")
    worker = models.CharField(max_length=120, blank=True, help_text="host and process, for people")
    leased_until = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True, help_text="a failed attempt is not repeated at once")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="when the broker was last told")
    error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @staticmethod
    def is_due() -> models.Q:
        """Queued and not held back after a failure."""
        return models.Q(state=Leased.State.QUEUED) & (models.Q(not_before=None) | models.Q(not_before__lte=Now()))

    @staticmethod
    def is_expired() -> models.Q:
        return models.Q(state=Leased.State.RUNNING, leased_until__lt=Now())

    @classmethod
    def renew(cls, pk: int, owner: uuid.UUID, seconds: float) -> bool:
        """Hold on to it for so many seconds more; False when it is no longer held."""
        changes: dict[str, Any] = {"leased_until": from_now(seconds), "heartbeat": Now()}
        return cls._default_manager.filter(pk=pk, owner=owner, state=cls.State.RUNNING).update(**changes) == 1


class BatchQuerySet(models.QuerySet["Batch"]):
    def in_turn(self) -> BatchQuerySet:
        """As workers should take them: what people wait for first, then cheap layers, then clip by clip."""
        # The bare number: by `layer_run` it would be ordered as layer runs are, by clip, and no index helps with that.
        return self.order_by("priority", "layer_run_id", "index")


class Batch(Leased):
    """A few frames of a layer; the last one (`closing`) puts the results together and lists them in the manifest."""

    layer_run = models.ForeignKey(LayerRun, models.CASCADE, related_name="batches")
    index = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    closing = models.BooleanField(default=False)
    taken_at = models.DateTimeField(null=True, blank=True, help_text="when its last attempt began")
    queue = models.CharField(max_length=8, default="cpu")
    priority = models.PositiveSmallIntegerField(default=50, help_text="its layer run's")

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["layer_run", "index"]
        constraints = [
            models.UniqueConstraint(fields=["layer_run", "index"], name="a_batch_is_numbered_once"),
        ]
        indexes = [
            models.Index(fields=["state", "sent_at"]),
            models.Index(fields=["state", "leased_until"]),
            models.Index(fields=["queue", "state", "heartbeat"]),
            # How many were done in the last minutes; a page asks for it.
            models.Index(fields=["done_at"], condition=models.Q(done_at__isnull=False), name="batch_done_at"),
            # The next ones of a queue, without a look at the millions that are done.
            models.Index(
                fields=["queue", "priority", "layer_run", "index"],
                condition=models.Q(state="queued"),
                name="batch_next_of_queue",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.layer_run}, batch {self.index}"


class TaskCheck(Leased):
    """The cross-layer checks on what an annotator submitted, at the version that was submitted."""

    task = models.ForeignKey(Task, models.CASCADE, related_name="machine_checks")
    version = models.PositiveIntegerField(help_text="the task's when it was submitted")
    skipped = models.JSONField(default=dict, help_text="checks that could not run, and why")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["task", "version"], name="a_submitted_version_is_checked_once"),
        ]
        indexes = [
            models.Index(fields=["state", "leased_until"], name="taskcheck_state_lease"),
            models.Index(
                fields=["task"], condition=models.Q(state="failed") | ~models.Q(skipped={}), name="taskcheck_unjudged"
            ),
        ]

    def __str__(self) -> str:
        return f"checks of task {self.task_id} at version {self.version}"
