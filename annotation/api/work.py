"""A task's work, its proposals, and what is decided of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, proposal_masks, proposals, withdrawals, work
from annotation.api.edits import KEY_HEADER, idempotency_key
from annotation.api.fields import Strict
from annotation.api.shapes import mask_body, proposal_body, work_body
from annotation.errors import Refused
from annotation.models import Decision, Proposal, Task
from annotation.revisions import once

# A page of proposal masks: what a player prefetches, not a whole clip.
MOST_FRAMES = 400


class DecisionRequest(Strict):
    proposals = serializers.ListField(child=serializers.IntegerField(), min_length=1, max_length=1000)
    verdict = serializers.ChoiceField(["accepted", "rejected", "undecided"])
    label = serializers.CharField(required=False, allow_blank=True, default="")  # type: ignore[assignment]
    labels = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=60),
        required=False,
        help_text="proposal id: the label it is accepted with, where they differ",
    )
    keep_frames = serializers.ListField(
        child=serializers.IntegerField(min_value=0),
        min_length=2,
        max_length=2,
        required=False,
    )


class TaskWork(APIView):
    @extend_schema(parameters=[OpenApiParameter("masks", str, enum=["rows"])], responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """Everything drawn in the task, and the versions of what was erased, so that it can be brought back.

        With `masks=rows` the masks come as {"columns": [name], "of": {track id: [[value]]}}, without their sizes
        and with 0 and 1 for truths: a third of the bytes, in a tenth of the time.
        """
        task = access.task_for(request.user, pk)
        if request.query_params.get("masks") == "rows":
            short = work.load_without_masks(task)
            rows = work.mask_rows(task)
            of = {track.id: rows[track.number] for track in short.tracks if track.number in rows}
            body = {**work_body(short), "masks": {"columns": [*work.PAGE_COLUMNS], "of": of}}
        else:
            outside = [mask_body(mask) for mask in work.load_outside(task)]
            body = work_body(work.load(task))
            body["masks"] = [*body["masks"], *outside]
        return Response({"version": task.version, **body, "gone": work.load_gone(task)})


class TaskProposals(APIView):
    @extend_schema(responses=dict[str, Any])
    def get(self, request: Request, pk: int) -> Response:
        """What engines propose on the task's frames, with what was decided."""
        task = access.task_for(request.user, pk)
        verdicts = dict(Decision.objects.filter(task=task).made().values_list("proposal_id", "verdict"))
        return Response({"items": [proposal_body(item, verdicts.get(item.pk)) for item in _proposals(task)]})


class TaskProposalMasks(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("start", int), OpenApiParameter("end", int)],
        responses=dict[str, Any],
    )
    def get(self, request: Request, pk: int) -> Response:
        """Proposed masks on the frames `[start, end)`, at most 400."""
        task = access.task_for(request.user, pk)
        start = _whole(request, "start", task.start)
        end = min(_whole(request, "end", task.end), start + MOST_FRAMES)
        frames: dict[int, list[dict[str, Any]]] = {}
        shown = _proposals(task).in_frames(start, end).filter(kind=Proposal.Kind.MASK_TRACK)
        for proposal in shown.select_related("clip"):
            for frame, mask in proposal_masks.within(proposal, start, end).items():
                frames.setdefault(frame, []).append({"proposal": proposal.pk, "counts": mask["counts"]})
        return Response(
            {
                "size": [task.clip.height, task.clip.width],
                "start": start,
                "end": end,
                "frames": frames,
            }
        )


class Decisions(APIView):
    @extend_schema(request=DecisionRequest, parameters=[KEY_HEADER], responses=dict[str, Any])
    def post(self, request: Request, pk: int) -> Response:
        """Accept or reject proposals, or make them undecided again.

        Answers with the tracks, masks and segments that were made, and with the versions of those that were erased.
        """
        task = access.task_to_write(request.user, pk)
        asked = DecisionRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data

        def do() -> tuple[int, dict[str, Any]]:
            chosen = list(Proposal.objects.select_related("clip").filter(pk__in=wanted["proposals"], clip=task.clip))
            missing = set(wanted["proposals"]) - {proposal.pk for proposal in chosen}
            if missing:
                raise Refused(f"Clip {task.clip_id} has no proposal {min(missing)}; reload the page.")
            made: list[Any] = []
            erased: list[Any] = []
            if wanted["verdict"] == "rejected":
                proposals.reject(task=task, proposals=chosen, by=access.person(request.user))
            elif wanted["verdict"] == "undecided":
                erased = withdrawals.withdraw(task=task, proposals=chosen, by=access.person(request.user))
            else:
                keep = wanted.get("keep_frames")
                made = proposals.accept(
                    task=task,
                    proposals=chosen,
                    by=access.person(request.user),
                    label=wanted["label"],
                    labels={int(id): label for id, label in wanted.get("labels", {}).items() if id.isdigit()},
                    frames=(keep[0], keep[1]) if keep else None,
                )
            return 200, {"made": [str(id) for id in made], "erased": [str(id) for id in erased]}

        with transaction.atomic():
            _, answer = once(
                key=idempotency_key(request),
                task=task,
                by=access.person(request.user),
                request={"decide": request.data},
                do=do,
            )
        erased = set(answer.get("erased", []))
        return Response(
            {
                "task_version": _version(task),
                "work": _only(task, set(answer["made"])),
                "erased": [gone for gone in work.load_gone(task) if gone["id"] in erased],
            }
        )


def _proposals(task: Task) -> Any:
    return Proposal.objects.filter(clip=task.clip).current().in_frames(task.start, task.end)


def _only(task: Task, made: set[str]) -> dict[str, Any]:
    """The work just made; a retry answers with it as it stands now."""
    now = work.load(task)
    return work_body(
        replace(
            now,
            tracks=tuple(track for track in now.tracks if track.id in made),
            masks=tuple(mask for mask in now.masks if mask.track_id in made),
            segments=tuple(segment for segment in now.segments if segment.id in made),
        )
    )


def _version(task: Task) -> int:
    return Task.objects.values_list("version", flat=True).get(pk=task.pk)


def _whole(request: Request, name: str, default: int) -> int:
    raw = request.query_params.get(name, str(default))
    if not raw.isdigit():
        raise serializers.ValidationError({name: f"{raw!r} is not a frame number."})
    return int(raw)
