"""Whether a failed attempt is worth another one. This is the only place that decides.

What would fail in the same way again is put aside at once, with its reason: a wrong parameter, weights that are not
here, a file that cannot be read. What the next minute may mend gets another attempt: a full disk, a lost mount, a
service that does not answer, too little memory. So does what nobody has thought of.
"""

from __future__ import annotations

import sys
from typing import Final

from django.db.utils import InterfaceError, OperationalError

from annotation.media.errors import MediaError
from enrichment.errors import EngineInputError, MissingPiece, RunRefused, ServiceFailed
from enrichment.loading import is_out_of_memory

# Looked at first, and in what an error was caused by: an error of ours may only report a disk that was away.
PASSING: Final = (OSError, EOFError, OperationalError, InterfaceError, MissingPiece, ServiceFailed)
LASTING: Final = (
    RunRefused,  # with UnknownLayer and VersionGone; EngineMissing is routing's: another worker may have the engine
    EngineInputError,
    MediaError,  # with ClipFolderError
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    ImportError,
    NotImplementedError,
)
_CV2_NO_MEMORY: Final = -4


def lasts(error: BaseException) -> bool:
    """Whether the same attempt would fail in the same way."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, PASSING) or is_out_of_memory(seen):
            return False
        seen = seen.__cause__
    return isinstance(error, LASTING) or _is_of_opencv(error)


def _is_of_opencv(error: BaseException) -> bool:
    """OpenCV complains of its arguments, except where it has no memory."""
    cv2 = sys.modules.get("cv2")
    return cv2 is not None and isinstance(error, cv2.error) and getattr(error, "code", None) != _CV2_NO_MEMORY
