"""What would fail again in the same way is tried once; what may pass gets its attempts."""

from __future__ import annotations

import errno
from typing import Any

import cv2
import numpy as np
import pytest
from av.error import InvalidDataError
from django.contrib.auth.models import User
from django.db.utils import OperationalError

from annotation.media.errors import FrameMismatch
from annotation.models import Clip, Project
from enrichment import compute, failures, ledger, runs
from enrichment.errors import EngineInputError, EngineMissing, EnrichmentError, MissingPiece, ServiceFailed
from enrichment.layer import Layer
from enrichment.models import LayerRun
from tests.enrichment.layers import Numbers


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


def of_opencv() -> Exception:
    with pytest.raises(cv2.error) as caught:
        cv2.cvtColor(np.zeros((2, 2), np.uint8), cv2.COLOR_RGB2GRAY)
    return caught.value


LASTING = [
    EngineInputError("No labels to look for."),
    EngineMissing("The weights are not here."),
    caused(EngineMissing("A package is not here."), ModuleNotFoundError("torch")),
    FrameMismatch("The source gives other pictures."),
    InvalidDataError(1094995529, "Invalid data found"),
    ValueError("shapes differ"),
    KeyError("frames"),
    AssertionError("a number is negative"),
    of_opencv(),
]
PASSING = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EIO, "the mount is gone"),
    ConnectionResetError("gone"),
    TimeoutError("slow"),
    MemoryError(),
    caused(EnrichmentError("It needs more memory."), MemoryError()),
    caused(EngineMissing("The weights cannot be read."), OSError(errno.EIO, "the mount is gone")),
    OperationalError("the database is away"),
    ServiceFailed("No answer."),
    MissingPiece("A piece is gone."),
    RuntimeError("nobody has thought of this"),
]


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_would_fail_again_is_told_apart(error: Exception) -> None:
    assert failures.lasts(error)


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_may_pass_is_told_apart(error: Exception) -> None:
    assert not failures.lasts(error)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "attempts"), [(ValueError("the threshold is 3"), 1), (OSError(errno.EIO, "input/output error"), 3)]
)
def test_a_lasting_failure_is_put_aside_at_once_with_its_reason(
    error: Exception,
    attempts: int,
    project: Project,
    clip: Clip,
    alice: User,
    small_layers: dict[str, Layer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(*_: Any) -> None:
        Numbers.ran["tried"] += 1
        raise error

    monkeypatch.setattr(ledger, "RETRY_AFTER", (0.0, 0.0))
    monkeypatch.setattr(Numbers, "batch_frames", None)
    monkeypatch.setattr(Numbers, "compute", breaks)
    run = runs.request(project=project, by=alice, layers=["numbers"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    row = LayerRun.objects.get(clip=clip)
    assert (row.state, row.attempts, row.failures) == (LayerRun.State.FAILED, attempts, attempts)
    assert Numbers.ran["tried"] == attempts
    assert str(error) in row.error
