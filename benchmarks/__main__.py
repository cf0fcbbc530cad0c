"""`make bench`: every figure as a table, and as rows in LOUPE_HOME/bench.json.

`python -m benchmarks --only speed` runs one of the parts alone (several are allowed); the rows of the others stay in
the file as they were.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import (
    accuracy,
    browser_masks,
    faults,
    ledger,
    memory,
    prompts,
    propagation,
    queries,
    real_clips,
    reliability,
    space,
    speed,
    timeline,
    workbench,
)
from benchmarks.row import skipped
from config import env

PARTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "speed": speed.rows,
    "browser": browser_masks.rows,
    "workbench": workbench.rows,
    "memory": memory.rows,
    "ledger": ledger.rows,
    "accuracy": accuracy.rows,
    "space": space.rows,
    "faults": faults.rows,
    "prompts": prompts.rows,
    "real": real_clips.rows,
    "propagation": propagation.rows,
    "reliability": reliability.rows,
    "timeline": timeline.rows,
    "queries": queries.rows,
}


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description="Figures as ratios, and as bench.json.")
    asked.add_argument("--only", action="append", choices=[*PARTS], metavar="NAME", help=", ".join(PARTS))
    chosen = asked.parse_args().only
    target = env.HOME / "bench.json"
    found: list[dict[str, Any]] = []
    for name in chosen or PARTS:
        print(f"\n{name}", flush=True)
        for each in _rows(name):
            _print(each)
            found.append(each)
    target.parent.mkdir(parents=True, exist_ok=True)
    if chosen and target.exists():
        new = {(each["name"], each["against"]) for each in found}
        kept = [each for each in json.loads(target.read_text()) if (each["name"], each["against"]) not in new]
        found = kept + found
    _replace(target, found)
    print(f"\n{len(found)} rows in {target}")


def _rows(name: str) -> list[dict[str, Any]]:
    """A part's rows; when it fails, one that says so, and the other parts go on."""
    try:
        return PARTS[name]()
    except (Exception, SystemExit) as error:
        logging.exception("%s failed.", name)
        return [skipped(f"{name} failed", f"{type(error).__name__}: {str(error)[:300]}")]


def _print(each: dict[str, Any]) -> None:
    if each["value"] is None:
        print(f"  {each['name']:<58}skipped: {each['against']}", flush=True)
        return
    ratio = "" if each["ratio"] is None else f"{each['ratio']:.2f} x {each['against']}"
    print(f"  {each['name']:<58}{each['value']:>12,.3f} {each['unit']:<10}{ratio}", flush=True)


def _replace(target: Path, found: list[dict[str, Any]]) -> None:
    part = target.with_suffix(".part")
    part.write_text(json.dumps(found, indent=1) + "\n")
    part.replace(target)


if __name__ == "__main__":
    main()
