"""What could compute the layers on this machine."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from enrichment import fetching, machine


class Command(BaseCommand):
    help = "What could compute the layers on this machine: engines, weights, licences, devices and measured speeds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--layer", default="", help="of this layer alone")
        parser.add_argument("--measure", action="store_true", help="time each one that works here on a 720p picture")
        parser.add_argument("--verify", action="store_true", help="hash fetched weights and compare")

    def handle(self, *, layer: str, measure: bool, verify: bool, **_: Any) -> None:
        weights, speeds = settings.WEIGHTS_DIR, settings.SPEEDS_FILE
        rows = [row for row in machine.report(weights, speeds) if layer in {"", row.offer.layer}]
        if not rows:
            raise CommandError(f"There is no engine for a layer {layer!r}.")
        if measure:
            self._measure(machine.measure(rows, weights, speeds))
            return
        for row in rows:
            self._tell(row)
        if verify:
            self._verify(rows)

    def _measure(self, measured: Iterable[machine.Measured]) -> None:
        failed = []
        for one in measured:
            if one.speed is None:
                failed.append(one.error)
                continue
            self.stdout.write(f"{one.found.value:<44} {one.speed.seconds:8.3f} s a picture on {one.speed.device}")
        if failed:
            raise CommandError("\n".join(failed))

    def _tell(self, row: machine.Row) -> None:
        offer = row.offer
        self.stdout.write(f"{row.layer_title}: {offer.title} ({offer.name}), {_device(offer.device)}")
        for found in row.found:
            speed = f"{found.speed.seconds:.3f} s a picture on {found.speed.device}" if found.speed else "not measured"
            speed = "over the network, which is not measured" if offer.remote else speed
            self.stdout.write(f"    {found.value}  {speed}{'  ' + found.origin if found.origin else ''}")
        if row.lacks:
            self.stdout.write(f"    {row.lacks}")
        if not row.found:
            self.stdout.write(f"    No weights. {row.how}")
        for hub in offer.hub:
            gate = ", gated" if hub.gated else ""
            self.stdout.write(f"    from {hub.id} ({hub.licence}{gate})")

    def _verify(self, rows: list[machine.Row]) -> None:
        names = sorted({found.checkpoint for row in rows for found in row.found if found.checkpoint})
        wrong = [sentence for name in names if (sentence := fetching.changed(settings.WEIGHTS_DIR / name))]
        if wrong:
            raise CommandError("\n".join(wrong))
        self.stdout.write(f"{len(names)} folders of weights looked at; those that were fetched are as they came.")


def _device(device: str) -> str:
    return {"cpu": "on the CPU", "gpu": "needs a GPU", "either": "on a GPU where there is one"}[device]
