"""Measure the layers on the golden set; a version that became worse is refused."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from annotation.models import Clip
from enrichment import golden
from enrichment.errors import EnrichmentError
from enrichment.golden_measures import EVERY
from enrichment.models import GoldenClip, GoldenResult


class Command(BaseCommand):
    help = "Measure layers on the golden set and compare them with the last accepted version."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--layers", default="", help="names with commas between; by default all that are measured")
        parser.add_argument("--mark", type=int, metavar="CLIP", help="take a clip's accepted annotations for the truth")
        parser.add_argument("--unmark", type=int, metavar="CLIP", help="take a clip out of the golden set")
        parser.add_argument("--accept", metavar="LAYER[:VERSION]", help="accept a version that was refused")
        parser.add_argument("--seeds", default="", help="scenes to render, numbers with commas between")

    def handle(self, **options: Any) -> None:
        try:
            if options["mark"] is not None:
                made = golden.mark(clip=_clip(options["mark"]), by=None)
                self.stdout.write(f"Clip {made.clip_id} is golden.")
            elif options["unmark"] is not None:
                GoldenClip.objects.filter(clip=_clip(options["unmark"])).delete()
                self.stdout.write(f"Clip {options['unmark']} is no longer golden.")
            elif options["accept"]:
                layer, _, version = options["accept"].partition(":")
                result = golden.accept(layer=layer, pipeline=version, by=None)
                self.stdout.write(f"{result.layer} by {result.engine} is accepted.")
            else:
                self._measure(options["layers"], options["seeds"])
        except EnrichmentError as error:
            raise CommandError(str(error)) from error

    def _measure(self, layers: str, seeds: str) -> None:
        chosen = _numbers(seeds) or list(golden.SEEDS)
        golden.prepare(seeds=chosen, by=None, report=self.stdout.write)
        names = [each.strip() for each in layers.split(",") if each.strip()] or None
        results = golden.measure(layers=names, by=None, report=self.stdout.write)
        for result in results:
            self.stdout.write(
                f"{result.layer} by {result.engine}, {result.clips} clips: {result.get_verdict_display()}"
            )
            for name, value in result.figures.items():
                both = result.compared.get(name)
                was = f"; {both[0]:.3f} where {both[1]:.3f} is accepted" if both else ""
                self.stdout.write(f"  {name:<40} {value:8.3f} {EVERY[name].unit}{was}")
            if result.reason and result.verdict == GoldenResult.Verdict.ACCEPTED:
                self.stdout.write(f"  {result.reason}")
        refused = [result for result in results if result.verdict == GoldenResult.Verdict.REFUSED]
        if refused:
            raise CommandError(
                "\n".join(
                    f"{each.layer} by {each.engine} is refused: {each.reason} Accept it all the same with "
                    f"`manage.py golden --accept {each.layer}:{each.short}`."
                    for each in refused
                )
            )


def _numbers(seeds: str) -> list[int]:
    said = [each.strip() for each in seeds.split(",") if each.strip()]
    wrong = next((each for each in said if not (each.isascii() and each.isdecimal())), None)
    if wrong is not None:
        raise CommandError(f"--seeds has {wrong!r}, which is no whole number; write it like --seeds 301,302.")
    return [int(each) for each in said]


def _clip(number: int) -> Clip:
    found = Clip.objects.filter(pk=number).first()
    if found is None:
        raise CommandError(f"There is no clip {number}.")
    return found
