"""What managers set: the project, its people, taxonomy and guidelines. Everybody in it may read the last two."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from annotation import guidelines, projects, taxonomy
from annotation.models import Guideline, Label, Membership, TaxonomyVersion
from enrichment.prompting import registry as prompting
from enrichment.propagation import registry as propagation
from frontend.access import PageRequest, Place, Role, enter
from frontend.answers import telling
from review import weighing
from review.metrics import quality as quality_weights

KINDS = {"labels": "Object labels", "actions": "Action classes", "phases": "Phases"}
_CELL = re.compile(r"^(labels|actions|phases)-(\d{1,4})-([a-z_]+)$")


def engines(kind: ModuleType, chosen: str) -> list[tuple[str, str]]:
    """What a project may choose from.

    The engine without weights is the empty choice: it is there on every machine. What the project has chosen stays a
    choice when its weights are not there any more: who changes the name of a project must not change its engine.
    """
    found = kind.choices(django_settings.WEIGHTS_DIR)
    offered = [("" if value == kind.DEFAULT else value, title) for value, title in found]
    if chosen not in dict(offered) and chosen != kind.DEFAULT:
        offered.append((chosen, f"{chosen} ({'weights ' * (':' in chosen)}not found)"))
    return offered


class ProjectSettings(forms.Form):
    name = forms.CharField(max_length=120)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    review_share = forms.FloatField(
        min_value=0,
        max_value=1,
        label="Share done by a second annotator",
        help_text="0 to 1. A second person does these tasks again, and their agreement is measured.",
    )
    keyframes_per_second = forms.FloatField(
        min_value=0.1, max_value=60, label="Keyframes per second", help_text="For clips that arrive from now on."
    )
    keep_versions = forms.IntegerField(
        min_value=0,
        max_value=20,
        label="Older versions kept",
        help_text="Of each layer's results on a clip, beside the current one; older ones are dropped.",
    )
    calls_per_clip = forms.IntegerField(
        min_value=0,
        label="Paid calls for a clip",
        help_text="That one layer of a clip makes of Gemini or OpenAI, at most.",
    )
    calls_per_run = forms.IntegerField(
        min_value=0, label="Paid calls for a run", help_text="Of all its clips and layers together."
    )
    calls_budget = forms.FloatField(
        required=False,
        min_value=0,
        label="Budget for paid services, $",
        help_text="For all calls of this project, ever; empty for no bound. When it is spent, calls stop and say so.",
    )
    prompt_engine = forms.ChoiceField(
        required=False,
        label="Prompt engine",
        help_text="Makes masks of boxes and clicks. Weights are found in LOUPE_WEIGHTS, one folder for each.",
    )
    propagation_engine = forms.ChoiceField(
        required=False,
        label="Propagation engine",
        help_text="Carries masks to other frames. Every mask names the engine that made it.",
    )
    amodal = forms.BooleanField(
        required=False,
        label="Whole objects too",
        help_text="Annotators also outline what is hidden of each object. Nothing that was drawn is lost when this is "
        "switched off.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field, kind in (("prompt_engine", prompting), ("propagation_engine", propagation)):
            chosen = self.initial.get(field, "")
            self.initial[field] = "" if chosen == kind.DEFAULT else chosen
            self.fields[field].choices = engines(kind, chosen)  # type: ignore[attr-defined]


class Weights(forms.Form):
    """What the parts of a clip's quality weigh."""

    frames = forms.FloatField(min_value=0, help_text="Blur, light, completeness and compression.")
    flags = forms.FloatField(min_value=0, help_text="Open flags a minute, by severity.")
    pose = forms.FloatField(min_value=0, help_text="Mean confidence of keypoints.")
    agreement = forms.FloatField(min_value=0, help_text="Frames on which masks, flow and depth agree.")
    coverage = forms.FloatField(min_value=0, help_text="Layers that are there, of those with an engine.")


@login_required
def settings(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.MANAGER)
    project = place.project
    values = {field: getattr(project, field) for field in ProjectSettings.base_fields}
    weighs = "weigh" in request.POST
    form = ProjectSettings(None if weighs else request.POST or None, initial=values)
    by_now = quality_weights.weights(project.quality_weights)
    weights = Weights(request.POST if weighs else None, initial=by_now, prefix="weight")
    if weighs and weights.is_valid():
        with telling(request, "The weights are set; the clips' qualities follow."):
            weighing.weigh(project=project, weights=weights.cleaned_data, by=request.user)
            return redirect("settings", slug)
    elif request.method == "POST" and not weighs and form.is_valid():
        with telling(request, "The project is changed."):
            projects.change(project=project, by=request.user, **form.cleaned_data)
            return redirect("settings", slug)
    shown = {"place": place, "here": "settings", "tab": "project", "form": form, "weights": weights}
    return render(request, "settings/project.html", shown)


# ---- people ----


@login_required
def people(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug, Role.MANAGER)
    if request.method == "POST":
        name = request.POST.get("username", "").strip()
        role = request.POST.get("role", "")
        user = User.objects.filter(username=name).first()
        if request.POST.get("what") == "account":
            shown: dict[str, object] = {}
            with telling(request, f"{name} is now {_article(role)} in {place.project.name}."):
                made, password = projects.make_account(project=place.project, username=name, role=role, by=request.user)
                shown = {"made": made, "password": password}
            # No redirect: the password is in this answer and kept nowhere.
            return _people(request, place, **shown)
        elif user is None:
            return _people(request, place, unknown=name, role=role)
        elif not user.is_active:
            messages.error(request, f"The account of {name} is closed; whoever runs this server opens it again.")
        elif request.POST.get("what") == "remove":
            with telling(request, f"{name} is out of the project; what they made stays."):
                projects.remove_member(project=place.project, user=user, by=request.user)
        else:
            with telling(request, f"{name} is now {_article(role)} in {place.project.name}."):
                projects.set_role(project=place.project, user=user, role=role, by=request.user)
        return redirect("people", slug)
    return _people(request, place)


def _people(request: PageRequest, place: Place, **said: object) -> HttpResponse:
    members = Membership.objects.filter(project=place.project).select_related("user")
    shown = {"place": place, "here": "settings", "tab": "people", "members": members, "roles": Role.choices}
    return render(request, "settings/people.html", shown | said)


def _article(role: str) -> str:
    name = dict(Role.choices).get(role, role)
    return f"an {name.lower()}" if role == Role.ANNOTATOR else f"a {name if role == Role.QA_LEAD else name.lower()}"


# ---- taxonomy ----


@login_required
def taxonomy_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    content: Any = taxonomy.content(place.project)
    if request.method == "POST":
        if not place.is_manager:
            raise PermissionDenied("The taxonomy is changed by managers.")
        content = _posted(request)
        with telling(
            request, "The taxonomy is saved as a new version; older annotations keep the one they were made with."
        ):
            taxonomy.save(project=place.project, content=content, by=request.user)
            return redirect("taxonomy", slug)
    shown = {
        "place": place,
        "here": "settings",
        "tab": "taxonomy",
        "lists": [(kind, title, content[kind]) for kind, title in KINDS.items()],
        "rigidities": Label.Rigidity.choices,
        "versions": TaxonomyVersion.objects.filter(project=place.project)
        .select_related("created_by")
        .defer("content")[:20],
    }
    return render(request, "settings/taxonomy.html", shown)


def _posted(request: PageRequest) -> dict[str, list[dict[str, Any]]]:
    """The editor's cells, named kind-row-field, as the taxonomy verb takes them. Rows without a key are left out."""
    table: dict[tuple[str, int], dict[str, Any]] = {}
    for name, value in request.POST.items():
        cell = _CELL.match(name)
        if cell:
            table.setdefault((cell[1], int(cell[2])), {})[cell[3]] = str(value).strip()
    content: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for (kind, _), row in sorted(table.items()):
        if not row.get("key"):
            continue
        row["retired"] = row.get("retired") == "on"
        row["definition"] = " ".join(row.get("definition", "").split())
        if "templates" in row:
            row["templates"] = [text.strip() for text in row["templates"].splitlines() if text.strip()]
        if kind == "labels":
            row["required"] = row.get("required") == "on"
            for field in ("iou_target", "min_area", "min_width"):
                # What is no number goes on as it is: the verb says what is wrong with it, and where.
                row[field] = _number(row.get(field, ""))
        content[kind].append(row)
    return content


def _number(text: str) -> float | int | str:
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text.replace(",", "."))
    except ValueError:
        return text


# ---- guidelines ----


@login_required
def guidelines_page(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    if request.method == "POST":
        if not place.is_manager:
            raise PermissionDenied("Guidelines are published by managers.")
        with telling(request, "The guidelines are published. Annotations record this version from now on."):
            guidelines.publish(project=place.project, text=request.POST.get("text", ""), by=request.user)
        return redirect("guidelines", slug)
    asked = request.GET.get("version", "")
    current = guidelines.current(place.project)
    shown = current
    if asked.isdecimal():
        shown = Guideline.objects.filter(project=place.project, number=int(asked)).first()
        if shown is None:
            raise Http404(f"{place.project.name} has no guideline {asked}.")
    context = {
        "place": place,
        "here": "settings",
        "tab": "guidelines",
        "guideline": shown,
        "is_current": shown == current,
        "editing": place.is_manager and "edit" in request.GET,
        "versions": Guideline.objects.filter(project=place.project).select_related("created_by").defer("text")[:50],
    }
    return render(request, "settings/guidelines.html", context)


@login_required
@require_POST
def preview(request: PageRequest, slug: str) -> HttpResponse:
    """The guideline as it would look."""
    enter(request, slug, Role.MANAGER)
    return render(request, "settings/_preview.html", {"text": request.POST.get("text", "")})
