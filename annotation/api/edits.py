"""Saving one track, mask or segment. Every write names the version it saw and carries its own key.

The answer to a stale save is 412 with both sides; the one that came late is kept too.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotation import access, grammar, masks, segments, tier1, tracks
from annotation.api.errors import body
from annotation.api.fields import Strict
from annotation.api.shapes import edit_body, remark_body, revision_body
from annotation.errors import Refused
from annotation.models import (
    MaskRevision,
    Proposal,
    SegmentRevision,
    Task,
    Track,
    TrackRevision,
)
from annotation.models.revision import Revision
from annotation.revisions import Origin, Saved, once
from annotation.work import load_frame, load_segments_beside, mask_value, track_value

KEY_HEADER = OpenApiParameter("Idempotency-Key", uuid.UUID, OpenApiParameter.HEADER, required=True)
VERSION_HEADER = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, required=True)
HEADERS = [KEY_HEADER, VERSION_HEADER]
RESPONSES: dict[int, Any] = {
    200: dict[str, Any],
    201: dict[str, Any],
    412: dict[str, Any],
}


class TrackEdit(Strict):
    label = serializers.CharField(max_length=60)  # type: ignore[assignment]  # DRF fields have a label of their own
    z_order = serializers.IntegerField(min_value=-10000, max_value=10000, default=0)
    deleted = serializers.BooleanField(default=False)


class Provenance(Strict):
    method = serializers.ChoiceField(Revision.Method.choices, default="manual")
    engine = serializers.CharField(max_length=80, default="", allow_blank=True)
    prompts = serializers.ListField(child=serializers.JSONField(), default=list, max_length=1000)
    proposal = serializers.IntegerField(required=False, allow_null=True)
    seconds = serializers.FloatField(min_value=0.0, default=0.0)


class MaskEdit(Provenance):
    track = serializers.UUIDField()
    frame = serializers.IntegerField(min_value=0)
    counts = serializers.CharField(allow_null=True, trim_whitespace=False)
    occluded = serializers.BooleanField(default=False)
    outside = serializers.BooleanField(default=False, help_text="erased because the object is not in the picture")
    keyframe = serializers.BooleanField(
        required=False,
        allow_null=True,
        default=None,
        help_text="carried to others; null for what the method says",
    )
    amodal = serializers.CharField(
        default="", allow_blank=True, trim_whitespace=False, help_text="RLE counts of the whole object"
    )


class SegmentEdit(Provenance):
    start = serializers.IntegerField(min_value=0)
    end = serializers.IntegerField(min_value=1)
    level = serializers.ChoiceField(SegmentRevision.Level.choices, default="primitive")
    action = serializers.CharField(max_length=60, default="", allow_blank=True)
    phase = serializers.CharField(max_length=60, default="", allow_blank=True)
    object = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="track of what is acted on")
    object_name = serializers.CharField(max_length=80, default="", allow_blank=True)
    hand = serializers.UUIDField(required=False, allow_null=True, default=None, help_text="track of what acts")
    hand_side = serializers.ChoiceField(SegmentRevision.Side.choices, default="", allow_blank=True)
    outcome = serializers.ChoiceField(SegmentRevision.Outcome.choices, default="", allow_blank=True)
    instructions = serializers.ListField(
        child=serializers.CharField(max_length=500, allow_blank=True),
        default=list,
        max_length=20,
    )
    confidence = serializers.FloatField(min_value=0.0, max_value=1.0, required=False, allow_null=True)
    deleted = serializers.BooleanField(default=False)


@dataclass(frozen=True)
class Sent:
    """One write as a client sent it: of which thing, over which version, under which key; `data` is not yet checked."""

    id: uuid.UUID
    base: int
    key: uuid.UUID
    data: Any


Answer = tuple[int, dict[str, Any]]


class OneTrack(APIView):
    @extend_schema(request=TrackEdit, parameters=HEADERS, responses=RESPONSES)
    def put(self, request: Request, pk: int, id: uuid.UUID) -> Response:
        """Make, relabel, reorder, erase or bring back a track."""
        return _put(request, pk, id, write_track)


class OneMask(APIView):
    @extend_schema(request=MaskEdit, parameters=HEADERS, responses=RESPONSES)
    def put(self, request: Request, pk: int, id: uuid.UUID) -> Response:
        """Save a mask; `counts` null erases it."""
        return _put(request, pk, id, write_mask)


class OneSegment(APIView):
    @extend_schema(request=SegmentEdit, parameters=HEADERS, responses=RESPONSES)
    def put(self, request: Request, pk: int, id: uuid.UUID) -> Response:
        """Save an action segment."""
        return _put(request, pk, id, write_segment)


def write_track(task: Task, by: User, sent: Sent) -> Answer:
    wanted = _checked(TrackEdit, sent.data)

    def save() -> Saved[TrackRevision]:
        return tracks.save(task=task, id=sent.id, base_version=sent.base, by=by, **wanted)

    return _write(task, by, sent, {"track": sent.id} | wanted, save)


def write_mask(task: Task, by: User, sent: Sent) -> Answer:
    wanted = _checked(MaskEdit, sent.data)
    origin = _origin(task, wanted)

    def save() -> Saved[MaskRevision]:
        return masks.save(
            task=task,
            id=sent.id,
            track_id=wanted["track"],
            frame=wanted["frame"],
            counts=wanted["counts"],
            occluded=wanted["occluded"],
            outside=wanted["outside"],
            keyframe=wanted["keyframe"],
            amodal=wanted["amodal"],
            base_version=sent.base,
            by=by,
            origin=origin,
        )

    return _write(task, by, sent, {"mask": sent.id} | wanted, save)


def write_segment(task: Task, by: User, sent: Sent) -> Answer:
    wanted = _checked(SegmentEdit, sent.data)
    origin = _origin(task, wanted)
    fields = {name: wanted[name] for name in wanted if name not in Provenance().fields}

    def save() -> Saved[SegmentRevision]:
        return segments.save(task=task, id=sent.id, base_version=sent.base, by=by, origin=origin, **fields)

    return _write(task, by, sent, {"segment": sent.id} | wanted, save)


def idempotency_key(request: Request) -> uuid.UUID:
    raw = request.headers.get("Idempotency-Key", "")
    try:
        return uuid.UUID(raw)
    except ValueError as error:
        message = f"Idempotency-Key is {raw!r}; send a new UUID with every write, and the same one when you retry it."
        raise serializers.ValidationError(message) from error


def seen_version(request: Request) -> int:
    raw = request.headers.get("If-Match", "").strip().strip('"')
    if not raw.isdigit() or int(raw) > 2**31 - 2:
        message = 'If-Match must name the version that you saw, such as "3", or "0" for something new.'
        raise serializers.ValidationError(message)
    return int(raw)


def _put(request: Request, pk: int, id: uuid.UUID, write: Callable[[Task, User, Sent], Answer]) -> Response:
    task = access.task_to_write(request.user, pk)
    sent = Sent(id=id, base=seen_version(request), key=idempotency_key(request), data=request.data)
    code, answer = write(task, access.person(request.user), sent)
    return Response(answer, code, headers={"ETag": f'"{answer["version"]}"'})


def _checked(form: type[Strict], data: Any) -> dict[str, Any]:
    asked = form(data=data)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _origin(task: Task, wanted: dict[str, Any]) -> Origin:
    proposal = None
    if wanted.get("proposal") is not None:
        proposal = Proposal.objects.select_related("clip").filter(pk=wanted["proposal"], clip=task.clip_id).first()
        if proposal is None:
            raise Refused(f"Clip {task.clip_id} has no proposal {wanted['proposal']}; reload the page.")
    return Origin(
        method=Revision.Method(wanted["method"]),
        engine=wanted["engine"],
        prompts=wanted["prompts"],
        proposal=proposal,
        seconds=wanted["seconds"],
    )


def _write(task: Task, by: User, sent: Sent, asked: dict[str, Any], save: Callable[[], Saved[Any]]) -> Answer:
    def do() -> Answer:
        saved = save()
        answer = {
            "id": str(saved.mine.of.pk),
            "version": saved.version,
            "task_version": saved.task_version,
        }
        if saved.theirs is not None:
            sides = {
                "mine": revision_body(saved.mine, task.clip),
                "theirs": revision_body(saved.theirs, task.clip),
            }
            author = saved.theirs.author.get_username()
            message = f"{author} saved first (version {saved.version}). Yours is kept too; choose which one stands."
            return status.HTTP_412_PRECONDITION_FAILED, answer | body("stale", message) | sides
        answer["edit"] = edit_body(saved.mine)
        answer["remarks"] = [remark_body(remark) for remark in _remarks(task, saved.mine)]
        return (status.HTTP_201_CREATED if saved.version == 1 else status.HTTP_200_OK), answer

    return once(key=sent.key, task=task, by=by, request=asked | {"base": sent.base}, do=do)


def _remarks(task: Task, revision: Revision) -> list[tier1.Remark]:
    """What Tier 1 says of what was just saved, and of nothing else: the answer must come at once."""
    if revision.deleted:
        return []
    if isinstance(revision, MaskRevision):
        head = revision.of.track.head
        if head is None:
            return []
        mask = mask_value(revision.of, revision, (task.clip.height, task.clip.width))
        others, tracks = load_frame(task, mask.frame, near=mask.bbox)
        tracks[mask.track_id] = track_value(revision.of.track, head)
        beside = [other for other in others if other.id != mask.id]
        own = tier1.check_mask(mask, tracks[mask.track_id], head.label)
        return own + tier1.check_overlaps_of(mask, beside, tracks)
    if isinstance(revision, SegmentRevision):
        return _remarks_of_segment(task, revision)
    return []


def _remarks_of_segment(task: Task, revision: SegmentRevision) -> list[tier1.Remark]:
    """Rules about what comes before and after are left to `remarks`: they need the whole of a long timeline."""
    own = str(revision.of.pk)
    linked = [track for track in (revision.object_id, revision.hand_id) if track is not None]
    drawn = Track.objects.filter(task=task, pk__in=linked, head__deleted=False).values_list("pk", flat=True)
    beside = load_segments_beside(task, revision)
    found = tier1.check_segments(task, beside, [str(track) for track in drawn], read={own})
    alone = [remark for remark in found if remark.rule not in grammar.OF_A_SEQUENCE]
    return [remark for remark in alone if remark.segment == own or remark.rule in grammar.OF_SEVERAL]
