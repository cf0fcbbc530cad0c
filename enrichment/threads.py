"""How many threads a worker process computes with, so that several of them do not crowd one machine's cores."""

from __future__ import annotations

import os
import sys

import cv2

from annotation.media import decode


def bound(count: int) -> None:
    """Bound decoders, OpenCV, torch and the mathematics below NumPy; call it before models are loaded.

    Args:
        count: threads of this process; 0 leaves each library its own choice.
    """
    if count < 1:
        return
    decode.bound_threads(count)
    cv2.setNumThreads(count)
    # Read by OpenMP, MKL and OpenBLAS when torch and its like are imported, which is when a model is first loaded.
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(count))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
