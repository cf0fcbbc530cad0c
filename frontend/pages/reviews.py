"""The review of one task: the work over the frames, two annotators against each other, a verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import condition

from annotation import access, work
from annotation.models import Task
from annotation.models.revision import Revision
from enrichment import unjudged
from frontend import overlay, time_axis
from frontend.access import PageRequest, Role, enter, enter_review
from frontend.answers import render_form, telling
from review import agreement, edits, reviews
from review.drawing import BOTH, ONLY_A, ONLY_B
from review.models import Agreement, Flag, Review

# A boundary further apart than this is too far [R2].
BOUNDARY_TARGET_S = 0.5


@dataclass(frozen=True)
class FrameLine:
    """A frame to look at: what is on it, what is wrong with it.

    `iou` is that of two annotators, or without a second one the least of a mask with the proposal that it began from;
    None where there is nothing to compare with.
    """

    frame: int
    iou: float | None
    doubts: list[str]
    said: str = ""


@login_required
def review(request: PageRequest, slug: str, pk: int) -> HttpResponse:
    place, task = enter_review(request, slug, pk)
    told: telling | None = None
    if request.method == "POST":
        told = _decide(request, slug, task)
        if not told.refused:
            return redirect("review", slug, pk)
        task.refresh_from_db()  # somebody else may have been first
    pair = agreement.pair_of(task)
    found = agreement.latest(task)
    people = list(pair) if pair and place.is_lead else [task]
    works = work.load_many(people)
    compared = found is not None
    shown: dict[str, Any] = {
        "place": place,
        "here": "tasks",
        "task": task,
        "pair": pair,
        "agreement": found,
        "lines": _lines(task, found, works[task.pk]),
        "compared": compared,
        "last": task.end - 1,
        "only": ",".join(str(each["frame"]) for each in found.frames) if found else "",
        "over": f"/api/tasks/{task.pk}/agreement/" if compared else f"/projects/{slug}/reviews/{task.pk}/masks/",
        "axis": time_axis.draw(
            [(name_of(each), works[each.pk].segments) for each in people],
            start=task.start,
            end=task.end,
            fps=task.clip.fps,
            colours=time_axis.colours_of(task.project),
            width=640,  # beside the verdict
        ),
        "legend": _legend(pair) if pair else [],
        "boundary_target": BOUNDARY_TARGET_S,
        "mask_count": len(works[task.pk].masks),
        "segment_count": len(works[task.pk].segments),
        "edits": edits.of(task, works[task.pk]),
        "verdicts": Review.objects.filter(task=task).select_related("by").order_by("-number"),
        "unjudged": unjudged.of_task(task) if place.is_lead else [],
        "flags": list(Flag.objects.open().filter(task=task)[:20]) if place.is_lead else [],
    }
    return render_form(request, "reviews/review.html", shown, field="comment", told=told)


def _decide(request: PageRequest, slug: str, task: Task) -> telling:
    enter(request, slug, Role.QA_LEAD)
    comment = request.POST.get("comment", "")
    if request.POST.get("verdict") == "accept":
        with telling(request, f"Task {task.pk} is accepted; its work may be delivered.") as told:
            reviews.accept(task=task, by=request.user, comment=comment)
    else:
        with telling(request, f"Task {task.pk} is back with {name_of(task)}.") as told:
            reviews.send_back(task=task, by=request.user, comment=comment)
    return told


def _version(request: HttpRequest, slug: str, pk: int, frame: int) -> str | None:
    version = Task.objects.filter(pk=pk).values_list("version", flat=True).first()
    return None if version is None else f'"{pk}-{version}-{frame}"'


@login_required
@condition(etag_func=_version)
def masks(request: PageRequest, slug: str, pk: int, frame: int) -> HttpResponse:
    """The task's masks on a frame, to lay over it."""
    task = access.task_for(request.user, pk)
    if task.project.slug != slug or not 0 <= frame < task.clip.frame_count:
        raise Http404(f"Task {pk} has no frame {frame} here.")
    answer = HttpResponse(overlay.masks_png(task, frame), content_type="image/png")
    answer["Cache-Control"] = "private, no-cache"
    return answer


def name_of(task: Task) -> str:
    return task.assignee.get_username() if task.assignee else "nobody"


def _legend(pair: tuple[Task, Task]) -> list[tuple[str, str]]:
    return [(ONLY_A, f"only {name_of(pair[0])}"), (ONLY_B, f"only {name_of(pair[1])}"), (BOTH, "both")]


def _lines(task: Task, found: Agreement | None, done: work.Work) -> list[FrameLine]:
    """The frames worth a look: where two disagree most first; without a second opinion, where most was mended."""
    lines = (
        _drawn(task, done)
        if found is None
        else [FrameLine(each["frame"], each["iou"], _doubts(each)) for each in found.frames]
    )
    return sorted(lines, key=lambda line: (not line.doubts or found is not None, *_by_iou(line)))


def _by_iou(line: FrameLine) -> tuple[bool, float, int]:
    return line.iou is None, line.iou if line.iou is not None else 0.0, line.frame


def _drawn(task: Task, done: work.Work) -> list[FrameLine]:
    """Frames that a person drew on or that must be complete, each with the labels on it."""
    labels = {track.id: track.label for track in done.tracks}
    on = done.masks_by_frame()
    by_hand = {mask.frame for mask in done.masks if mask.method in Revision.BY_HAND}
    lines = []
    for frame in sorted(by_hand | set(task.frames)):
        masks = on.get(frame, [])
        counts = Counter(labels[mask.track_id] for mask in masks)
        said = ", ".join(f"{n} × {label}" if n > 1 else label for label, n in sorted(counts.items()))
        edited = [mask.edit_iou for mask in masks if mask.edit_iou is not None]
        lines.append(FrameLine(frame, min(edited, default=None), [] if masks else ["nothing drawn"], said))
    return lines


def _doubts(frame: dict[str, Any]) -> list[str]:
    said = [f"{mask['label']} by the first only" for mask in frame["only_a"]]
    said += [f"{mask['label']} by the second only" for mask in frame["only_b"]]
    said += [f"{pair['label_a']} or {pair['label_b']}" for pair in frame["pairs"] if pair.get("confused")]
    return said
