"""One layer of a clip whose other layers are there already: `python -m benchmarks.layer_works flow 300`.

A process of its own computes what the layer reads, where LOUPE_HOME does not have it yet: nothing of that is in the
memory of the one that is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks import works as bench

# After bench, which sets Django up.
from benchmarks import stand_ins  # isort: skip


def layer(name: str, frames: int) -> tuple[int, float]:
    """A layer alone, on the demo scene to and fro."""
    command = [sys.executable, "-m", "benchmarks.layer_works", name, str(frames), "inputs"]
    subprocess.run(command, env=os.environ, check=True)
    clip = bench.Clip.objects.get()
    stand_ins.offered()
    return clip.frame_count, bench.layers(clip, name)


def inputs(name: str, frames: int) -> None:
    """Take in a clip and compute what a layer reads."""
    bench.ready()
    clip = bench.Clip.objects.first() or bench.table(frames)[0]
    stand_ins.offered()
    stand_ins.chosen(clip)
    needed = bench.registry.get(name).inputs
    if needed:
        bench.layers(clip, *needed)
    if name == "pose_corrected":
        stand_ins.correct(clip)


if __name__ == "__main__":
    if sys.argv[3:]:
        inputs(sys.argv[1], int(sys.argv[2]))
    else:
        bench.main(lambda frames: layer(sys.argv[1], frames), int(sys.argv[2]))
