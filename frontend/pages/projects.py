"""The list of projects, a new one, and the overview of one."""

from __future__ import annotations

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify

from annotation import access, projects
from annotation.errors import Refused
from annotation.models import Project, Task
from frontend import overview, progress, trail
from frontend.access import PageRequest, enter


class ProjectForm(forms.Form):
    name = forms.CharField(max_length=120)
    slug = forms.SlugField(
        max_length=60,
        required=False,
        label="Short name",
        help_text="Part of every address; made from the name when left empty. It cannot be changed later.",
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))


@login_required
def projects_page(request: PageRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST":
        access.project_maker(request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        slug = data["slug"] or slugify(data["name"])[:60].strip("-_")
        if not slug:
            form.add_error("slug", "The name has no Latin letters or digits to make a short name of; give one here.")
    if request.method == "POST" and form.is_valid():
        try:
            made = projects.create(
                name=data["name"],
                slug=slug,
                description=data["description"],
                by=request.user,
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("project", made.slug)
    rows = overview.lines(request.user, list(access.projects_of(request.user)))
    return render(
        request,
        "projects/projects.html",
        {"lines": rows, "form": form, "may_make": access.may_make_projects(request.user)},
    )


@login_required
def project(request: PageRequest, slug: str) -> HttpResponse:
    place = enter(request, slug)
    found: Project = place.project
    tasks = Task.objects.filter(project=found)
    bar = progress.by_project(tasks).get(found.pk, progress.Progress())
    shown: dict[str, object] = {
        "place": place,
        "here": "project",
        "progress": bar,
        "clip_count": found.clips.count(),
        "mine": list(tasks.waiting_for(request.user).select_related("clip").order_by("-state", "id")[:20]),
        "claimable": progress.claimable(request.user, {found.pk: bar}).get(found.pk, 0),
        "recent": trail.told(found.history.select_related("actor")[:12], place),
    }
    shown |= overview.for_leads(found) if place.is_lead else {}
    shown |= overview.for_managers(found) if place.is_manager else {}
    return render(request, "projects/_overview.html" if request.htmx else "projects/project.html", shown)
