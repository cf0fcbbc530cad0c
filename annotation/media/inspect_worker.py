"""What runs in the guarded process: look through one file, say what it is on standard output, one JSON object a line.

Lines are {"progress": [done, estimated]}, and last {"facts": {…}} (the index lies in the file named by `index`) or
{"refused": [code, sentence]}.

PyAV's logging stays off, as it is by default: any level, even the quietest, calls Python from the decoder's threads
and was seen to lock up for ever on a damaged file.
"""

import json
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from annotation.media import sandbox
from annotation.media.errors import MediaRefused
from annotation.media.facts import ClipFacts, Limits
from annotation.media.image_folder import scan_folder
from annotation.media.scan import scan


def main(job: str) -> None:
    """Do one job: a JSON object with source, index, rate and limits."""
    told = json.loads(job)
    limits = Limits(**told["limits"])
    sandbox.restrict(memory_bytes=limits.memory_bytes, cpu_seconds=limits.cpu_seconds)
    source = Path(told["source"])
    try:
        facts = _look(source, limits, Fraction(told["rate"]))
        facts.index.save(Path(told["index"]))
    except MediaRefused as refusal:
        _say({"refused": [refusal.code, refusal.sentence]})
    except MemoryError:
        sentence = (
            f"{source.name} needs more than the {limits.memory_bytes // 2**20:,} MiB of memory that looking may take."
        )
        _say({"refused": ["outsized", sentence]})
    else:
        plain = {field.name: getattr(facts, field.name) for field in fields(ClipFacts) if field.name != "index"}
        _say({"facts": plain})


def _look(source: Path, limits: Limits, rate: Fraction) -> ClipFacts:
    def progress(done: int, estimated: int) -> None:
        _say({"progress": [done, estimated]})

    if source.is_dir():
        return scan_folder(source, limits=limits, progress=progress, rate=rate)
    return scan(source, limits=limits, progress=progress)


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
