"""A project: one dataset with its people, taxonomy, clips and rules."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User) -> ProjectQuerySet:
        """Projects a person may open: their own; a superuser's are all."""
        if user.is_superuser:
            return self
        return self.filter(memberships__user=user)


class Project(models.Model):
    class Language(models.TextChoices):
        """Those with a dictionary that comes with the spelling library."""

        ENGLISH = "en", "English"
        GERMAN = "de", "German"
        SPANISH = "es", "Spanish"
        FRENCH = "fr", "French"
        ITALIAN = "it", "Italian"
        DUTCH = "nl", "Dutch"
        PORTUGUESE = "pt", "Portuguese"
        RUSSIAN = "ru", "Russian"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    description = models.TextField(blank=True)
    taxonomy_version = models.PositiveIntegerField(default=0)
    review_share = models.FloatField(
        default=0.15,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of tasks that a second annotator does again, for agreement.",
    )
    keyframes_per_second = models.FloatField(default=1.0, validators=[MinValueValidator(0.1), MaxValueValidator(60.0)])
    keep_versions = models.PositiveSmallIntegerField(
        default=2,
        validators=[MaxValueValidator(20)],
        help_text="of a layer's results beside the current one, per clip; older ones are dropped",
    )
    amodal = models.BooleanField(default=False, help_text="Annotators also outline the hidden parts of things.")
    prompt_engine = models.CharField(
        max_length=40,
        blank=True,
        help_text="Makes masks of boxes and clicks; empty for the one without weights.",
    )
    propagation_engine = models.CharField(
        max_length=40, blank=True, help_text="Carries masks to other frames; empty for the one without weights."
    )
    grammar = models.JSONField(default=list, blank=True, help_text="rules for segments: annotation/grammar.py")
    language = models.CharField(
        max_length=2,
        choices=Language,
        blank=True,
        default=Language.ENGLISH,
        help_text="of the instructions, for spelling; empty for no check",
    )
    dictionary = models.JSONField(default=list, blank=True, help_text="words of this project, in lower case")
    quality_weights = models.JSONField(
        default=dict, blank=True, help_text="of the parts of a clip's quality, where they are not the usual ones"
    )
    quality_reweighed = models.DateTimeField(
        null=True, blank=True, help_text="when its weights were changed, until all scores have followed"
    )
    calls_per_clip = models.PositiveIntegerField(
        default=200, help_text="calls of paid services that a layer of one clip makes at most"
    )
    calls_per_run = models.PositiveIntegerField(
        default=20_000, help_text="calls of paid services that one run makes at most"
    )
    calls_budget = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0)],
        help_text="dollars for paid services in all; empty for no bound",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def label_keys(self) -> tuple[str, ...]:
        """The labels in use, in the taxonomy's order: what models that are asked in words are asked for."""
        return tuple(self.labels.filter(retired=False).values_list("key", flat=True))

    @property
    def label_rigidities(self) -> dict[str, str]:
        """How firm what a label names is, by label; those not in use any more, too: older masks still carry them."""
        return dict(self.labels.values_list("key", "rigidity"))

    @property
    def action_keys(self) -> tuple[str, ...]:
        """The action classes in use, in the taxonomy's order."""
        return tuple(self.action_classes.filter(retired=False).values_list("key", flat=True))

    @property
    def phase_keys(self) -> tuple[str, ...]:
        """The phases in use, in the order in which they follow each other."""
        return tuple(self.phases.filter(retired=False).values_list("key", flat=True))

    @property
    def sentence_templates(self) -> dict[str, list[str]]:
        """The sentences of the action classes and phases in use, by "actions/pick" and "phases/lift"."""
        found = {}
        for group, terms in (("actions", self.action_classes), ("phases", self.phases)):
            for key, templates in terms.filter(retired=False).values_list("key", "templates"):
                found[f"{group}/{key}"] = list(templates)
        return found


class Membership(models.Model):
    """One person's role in one project."""

    class Role(models.TextChoices):
        ANNOTATOR = "annotator", "Annotator"
        QA_LEAD = "qa_lead", "QA lead"
        MANAGER = "manager", "Manager"

    project = models.ForeignKey(Project, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["user__username"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="a_person_has_one_role_in_a_project")]

    def __str__(self) -> str:
        return f"{self.user} as {self.get_role_display()}"
