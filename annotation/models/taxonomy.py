"""What can be labelled in a project: object labels, action classes and phases, by version."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from annotation.models.project import Project

KEY = RegexValidator(
    r"^[a-z][a-z0-9_-]*$",
    "Use lower-case letters, digits, - and _, beginning with a letter.",
)
COLOUR = RegexValidator(r"^#[0-9a-f]{6}$", "Use a colour like #1f77b4.")


MOST_TEMPLATES = 12


def check_templates(texts: object) -> None:
    """Sentences in which {object} and {hand} stand for what a segment says.

    Raises:
        ValidationError: no list of short texts, or a place holder that nothing fills.
    """
    if not isinstance(texts, list) or not all(isinstance(text, str) and 0 < len(text) <= 200 for text in texts):
        raise ValidationError("Give a list of sentences of at most 200 characters.")
    if len(texts) > MOST_TEMPLATES:
        raise ValidationError(f"There are {len(texts)} sentences; {MOST_TEMPLATES} is the most.")
    for text in texts:
        left = text.replace("{object}", "").replace("{hand}", "")
        if "{" in left or "}" in left:
            raise ValidationError(f"{text!r} has a place holder that nothing fills; use {{object}} or {{hand}}.")


class Term(models.Model):
    """A word of the taxonomy. Retired words stay, because old annotations use them."""

    key = models.CharField(max_length=60, validators=[KEY])
    definition = models.TextField(blank=True)
    colour = models.CharField(max_length=7, default="#8a8a8a", validators=[COLOUR])
    order = models.PositiveSmallIntegerField(default=0)
    retired = models.BooleanField(default=False)

    class Meta:
        abstract = True
        ordering = ["order", "id"]

    def __str__(self) -> str:
        return self.key


class Label(Term):
    """A class of object that masks carry."""

    class Rigidity(models.TextChoices):
        RIGID = "rigid", "Rigid"
        DEFORMABLE = "deformable", "Deformable"
        THIN = "thin", "Thin"
        TRANSPARENT = "transparent", "Transparent"
        REFLECTIVE = "reflective", "Reflective"

    project = models.ForeignKey(Project, models.CASCADE, related_name="labels")
    rigidity = models.CharField(max_length=12, choices=Rigidity, default=Rigidity.RIGID)
    iou_target = models.FloatField(default=0.85, validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    min_area = models.PositiveIntegerField(default=16, help_text="px²")
    min_width = models.PositiveSmallIntegerField(default=2, help_text="px")
    required = models.BooleanField(default=False, help_text="Every task frame must carry at least one mask of it.")

    class Meta(Term.Meta):
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="a_label_key_is_unique_in_a_project")]


class ActionClass(Term):
    """A class of action that segments carry."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="action_classes")
    templates = models.JSONField(default=list, blank=True, validators=[check_templates])

    class Meta(Term.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["project", "key"],
                name="an_action_class_key_is_unique_in_a_project",
            )
        ]


class Phase(Term):
    """A phase of an action, in the order in which phases follow each other."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="phases")
    templates = models.JSONField(default=list, blank=True, validators=[check_templates])

    class Meta(Term.Meta):
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="a_phase_key_is_unique_in_a_project")]


class TaxonomyVersion(models.Model):
    """The taxonomy as it stood: what an annotation of that time meant by its label."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="taxonomy_versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="a_taxonomy_version_is_numbered_once")
        ]

    def __str__(self) -> str:
        return f"taxonomy {self.number}"
