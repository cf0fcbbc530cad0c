"""What enrichment tells the apps above it."""

from __future__ import annotations

from django.dispatch import Signal

# clip_id: int, task_id: int | None, check: str, findings: list[dict]. All that a check found on a clip's proposals
# (task_id None) or on a task's work; an empty list says that earlier findings no longer hold. May be sent twice.
findings_ready = Signal()

# clip_id: int. No layer of the clip waits or runs any more: what came of them can be looked at as a whole. Sent each
# time that becomes true, on commit.
clip_settled = Signal()
