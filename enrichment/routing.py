"""Work goes to a worker that has what it needs: weights, packages and keys are not the same on every machine."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db.models.functions import Now

from enrichment import choosing, ledger, workers
from enrichment import engine as contract
from enrichment.choosing import Choice, Pick
from enrichment.errors import EngineMissing
from enrichment.layer import Layer
from enrichment.models import LayerRun, Worker, from_now
from enrichment.weights import matching

# A worker that has what is missing may be starting again: so many seconds are waited for it.
GRACE: Final = 30.0
# Before the same hint goes out once more: long enough for another worker to be the one that takes it.
AGAIN_AFTER: Final = 2.0


def choose(layer: Layer, chosen: str, *, strict: bool = False) -> Choice:
    """What a setting means on this machine, else on that of a live worker; what is missing is said in the choice.

    Args:
        strict: raise when it is nowhere.

    Raises:
        EngineMissing: see `strict`.
    """
    try:
        return choosing.choose(layer, chosen, settings.WEIGHTS_DIR)
    except EngineMissing as error:
        for worker in Worker.objects.live():
            found = _on(worker, layer, chosen)
            if found is not None:
                return found
        if strict:
            raise
        return Choice(chosen, "", str(error), missing=True)


def options(layer: Layer) -> list[tuple[str, str]]:
    """(value of the setting, title) of every engine that could compute a layer, here or where a worker runs."""
    found = choosing.options(layer, settings.WEIGHTS_DIR)
    offered, known = contract.of_layer(layer.name), {value for value, _ in found}
    for worker in Worker.objects.live():
        for value in sorted(set(worker.engines.get(layer.name, {})) - known):
            name, _, folder = value.partition(":")
            if name in offered and folder:
                found.append((value, f"{offered[name].title}, {folder} (on {worker})"))
                known.add(value)
    return found


def hand_on(claim: ledger.Claim, why: str) -> None:
    """Give back a batch that this worker lacks something for: another one takes it, or it is put aside.

    Args:
        why: what is missing here, as a sentence.
    """
    layer_run = claim.batch.layer_run
    workers.refuse(layer_run, why)
    others = [each for each in Worker.objects.live() if each.name != workers.me() and each.computes]
    run = LayerRun.objects.filter(pk=layer_run.pk)
    able = [each for each in others if not each.why_not(layer_run)]
    if not able:
        run.filter(homeless_at=None).update(homeless_at=Now())
        if not (workers.me() or others) or run.filter(homeless_at__lte=from_now(-GRACE)).exists():
            ledger.fail(claim, _sentence(why, [each.why_not(layer_run) for each in others]), lasts=True)
            return
    else:
        run.update(homeless_at=None)
    here = claim.batch.queue
    ready = [each for each in able if each.ready]
    if ready and not any(here in each.computes for each in able):
        # Only who serves another queue could do it; the rest of the layer goes there, too.
        ledger.move(layer_run, to=ready[0].computes[0])
    ledger.give_back(claim, why, after=AGAIN_AFTER)


def _sentence(why: str, others: list[str]) -> str:
    """What is missing and where it was looked for."""
    if not others:
        return why
    mine = f"{workers.me()}: {why}" if workers.me() else why
    told = " ".join([mine, *others])
    return f"No worker that is running has what this takes. {told} Give one of them what it lacks, then ask again."


def _on(worker: Worker, layer: Layer, chosen: str) -> Choice | None:
    """A setting as one worker announced it; None when it lacks a part of it."""
    offered, there = contract.of_layer(layer.name), worker.engines.get(layer.name, {})
    picks = []
    for part in (part.strip() for part in (chosen or layer.engine).split(",")):
        name, _, _ = part.partition(":")
        value = matching(part, there)
        if name not in offered or value is None:
            return None
        # Where the weights lie on the other machine; nothing here opens it.
        folder = choosing.folder_of(value, worker.weights)
        picks.append(Pick(offered[name], folder, there[value]))
    return choosing.of(picks) if len(picks) == 1 or layer.several else None
