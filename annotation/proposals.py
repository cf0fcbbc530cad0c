"""What engines propose: published by layers, accepted or rejected by people."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from annotation import masks, proposal_masks, segments, tracks, withdrawals
from annotation.errors import Refused
from annotation.events import announce_change
from annotation.models import Clip, Decision, Label, Proposal, Task
from annotation.models.revision import Revision
from annotation.revisions import Origin, lock, touch


@transaction.atomic
def publish(
    *,
    clip: Clip,
    kind: str,
    engine: str,
    fingerprint: str,
    path: str = "",
    items: Sequence[dict[str, Any]],
) -> int:
    """Put a layer run's proposals before people; returns how many there are. Safe to run twice.

    Older runs' proposals stay, because annotations point at them, but are no longer shown.

    Args:
        path: the file in the clip folder that holds the masks of mask tracks.
        items: each with number, label, confidence, start, end and, for segments, details (level, phase,
            descriptions).
    """
    Proposal.objects.filter(clip=clip, kind=kind).exclude(fingerprint=fingerprint).update(superseded=True)
    rows = [
        Proposal(
            clip=clip,
            kind=kind,
            engine=engine,
            fingerprint=fingerprint,
            path=path,
            **item,
        )
        for item in items
    ]
    Proposal.objects.bulk_create(rows, ignore_conflicts=True)
    Proposal.objects.filter(clip=clip, kind=kind, fingerprint=fingerprint).update(superseded=False)
    announce_change(project_id=clip.project_id, kind="clip", object_id=clip.pk)
    return len(rows)


@transaction.atomic
def show_again(*, clip: Clip, fingerprint: str, instead_of: Collection[str]) -> None:
    """Put the proposals of an older layer run before people again, in place of those of other runs of the layer.

    What people made of any of them stays as it is.

    Args:
        instead_of: fingerprints of the other runs.
    """
    mine = Proposal.objects.filter(clip=clip)
    mine.filter(fingerprint__in=instead_of).exclude(fingerprint=fingerprint).update(superseded=True)
    mine.filter(fingerprint=fingerprint).update(superseded=False)
    announce_change(project_id=clip.project_id, kind="clip", object_id=clip.pk)


@transaction.atomic
def reword(*, clip: Clip, wordings: Sequence[Mapping[str, Any]]) -> int:
    """Give segments that stand before people now other sentences; returns how many got them. Safe to run twice.

    What was made of a proposal before keeps the words that it has.

    Args:
        wordings: each with number, start, end, sentences, and by, who wrote them; what fits no proposal is left out.
    """
    told = {(each["number"], each["start"], each["end"]): each for each in wordings}
    standing = Proposal.objects.current().select_for_update().filter(clip=clip, kind=Proposal.Kind.SEGMENT)
    changed = []
    for proposal in standing.order_by("pk"):
        wording = told.get((proposal.number, proposal.start, proposal.end))
        if wording is None:
            continue
        said = {"descriptions": list(wording["sentences"]), "described_by": wording["by"]}
        proposal.details = proposal.details | said
        changed.append(proposal)
    Proposal.objects.bulk_update(changed, ["details"], batch_size=500)
    announce_change(project_id=clip.project_id, kind="clip", object_id=clip.pk)
    return len(changed)


@transaction.atomic
def accept(
    *,
    task: Task,
    proposals: Sequence[Proposal],
    by: User,
    label: str = "",
    labels: Mapping[int, str] | None = None,
    frames: tuple[int, int] | None = None,
) -> list[uuid.UUID]:
    """Take proposals over as annotations; returns the ids of the tracks and segments made.

    A proposal that was accepted before is left alone; one that was, and was made undecided again, gets back what was
    made of it. Masks are taken over on every frame of the task, or of `frames` `[start, end)`.

    Args:
        label: for all of them, in place of what they suggest.
        labels: the same by proposal, where several are accepted at once.

    Raises:
        Refused: a proposal of another clip, or one whose label the taxonomy lacks and none was given.
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    made = []
    for proposal in proposals:
        if proposal.clip_id != task.clip_id:
            raise Refused(f"Proposal {proposal.pk} belongs to another clip than task {task.pk}.")
        if Decision.objects.filter(task=task, proposal=proposal).standing().exists():
            continue
        chosen = (labels or {}).get(proposal.pk, label)
        revived = withdrawals.revive(task=task, proposal=proposal, by=by, label=chosen)
        if revived:
            made += revived
            continue
        if proposal.kind == Proposal.Kind.SEGMENT:
            made.append(_accept_segment(task, proposal, by, chosen or proposal.label))
        else:
            made.append(
                _accept_track(
                    task,
                    proposal,
                    by,
                    chosen or proposal.label,
                    frames or (task.start, task.end),
                )
            )
    touch(task)
    return made


@transaction.atomic
def reject(*, task: Task, proposals: Sequence[Proposal], by: User) -> None:
    """Put proposals aside for this task; what was made from them before stays.

    Raises:
        LeaseLost: the task is not in this person's hands.
    """
    task = lock(task, by=by)
    for proposal in proposals:
        if proposal.clip_id != task.clip_id:
            raise Refused(f"Proposal {proposal.pk} belongs to another clip than task {task.pk}.")
    # Hundreds are put aside at once, all below a confidence: one statement.
    Decision.objects.bulk_create(
        (Decision(task=task, proposal=each, verdict=Decision.Verdict.REJECTED, by=by) for each in proposals),
        update_conflicts=True,
        unique_fields=["task", "proposal"],
        update_fields=["verdict", "by", "at"],
    )
    touch(task)


def _accept_track(task: Task, proposal: Proposal, by: User, label: str, frames: tuple[int, int]) -> uuid.UUID:
    if not Label.objects.filter(project=task.project, key=label, retired=False).exists():
        raise Refused(
            f"Proposal {proposal.number} suggests {label or 'no label'}, which is not in the taxonomy; choose a label."
        )
    if proposal.superseded and not proposal_masks.are_kept(proposal):
        raise Refused(
            f"Proposal {proposal.number} is of an older version of its layer, which is no longer kept; reload the page "
            "for what stands now."
        )
    origin = Origin(method=Revision.Method.AUTO, engine=proposal.engine, proposal=proposal)
    saved = tracks.save(task=task, id=uuid.uuid4(), base_version=0, by=by, label=label, origin=origin)
    track = saved.mine.of
    start, end = max(frames[0], task.start), min(frames[1], task.end)
    counts = {frame: mask["counts"] for frame, mask in proposal_masks.within(proposal, start, end).items()}
    masks.lay(task=task, track=track, counts=counts, by=by, origin=origin)
    Decision.objects.update_or_create(
        task=task,
        proposal=proposal,
        defaults={"verdict": Decision.Verdict.ACCEPTED, "track": track, "by": by},
    )
    return track.pk


def _accept_segment(task: Task, proposal: Proposal, by: User, action: str) -> uuid.UUID:
    details = proposal.details
    saved = segments.save(
        task=task,
        id=uuid.uuid4(),
        base_version=0,
        by=by,
        start=max(proposal.start, task.start),
        end=min(proposal.end, task.end),
        level=details.get("level", "primitive"),
        action=action,
        phase=details.get("phase", ""),
        instructions=details.get("descriptions", []),
        confidence=proposal.confidence,
        origin=Origin(method=Revision.Method.AUTO, engine=proposal.engine, proposal=proposal),
    )
    return saved.mine.of.pk
