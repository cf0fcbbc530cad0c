"""One model in memory: of batches whose turn it is, a worker takes those that its loaded model computes.

Loading takes seconds to minutes, and batches of several layers come mixed. So a worker whose next batch would load
another model looks for one that would not, in the same class of priority, a bounded number of times in a row: what
waits for the other model is put off, never left.
"""

from __future__ import annotations

from typing import Final

from enrichment import engine, ledger, loading, priorities
from enrichment.models import Batch

# In a row that may go before the one whose turn it is: minutes of work, against the seconds of two loads.
MOST_IN_A_ROW: Final = 24
# So many of those whose turn it is are looked at.
_LOOKED_AT: Final = 256


class _Process:
    """What this process has done lately; a worker that computes in threads shares its model, and this too."""

    in_a_row: int = 0


def claim(batch_id: int) -> ledger.Claim | None:
    """Take a batch that the loaded model computes in place of `batch_id`, which would load another.

    Returns:
        None when that batch is to be taken itself: nothing is loaded, it loads nothing else, or it has waited enough.
    """
    warm = _warm()
    turn = Batch.objects.select_related("layer_run").filter(pk=batch_id).first() if warm else None
    if turn is None or turn.closing or not _loads_another(turn, warm):
        return None
    if _Process.in_a_row >= MOST_IN_A_ROW:
        _Process.in_a_row = 0
        return None
    for other in ledger.next_in_turn(turn.queue, before=priorities.end_of_class(turn.priority), most=_LOOKED_AT):
        if other.closing or (other.layer_run.layer, other.layer_run.engine) not in warm:
            continue
        taken = ledger.claim(other.pk)
        if taken is not None:
            _Process.in_a_row += 1
            if other.sent_at is None:
                # The hint is used up for a batch that has none of its own: this one gets another.
                Batch.objects.filter(pk=batch_id, state=Batch.State.QUEUED).update(sent_at=None)
            return taken
    _Process.in_a_row = 0
    return None


def _warm() -> set[tuple[str, str]]:
    """(layer, engine as the ledger names it) of all that the loaded model computes."""
    held = loading.held()
    if held is None:
        return set()
    make, folder = held
    offers = engine.every.every().values()
    return {(offer.layer, f"{offer.name}:{folder.name}") for offer in offers if offer.make == make}


def _loads_another(batch: Batch, warm: set[tuple[str, str]]) -> bool:
    """Whether a batch needs a model with weights, and not the one in memory."""
    return ":" in batch.layer_run.engine and (batch.layer_run.layer, batch.layer_run.engine) not in warm
