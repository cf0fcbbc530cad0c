"""Compute layers of a project's clips."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from annotation.models import Clip, Project
from enrichment import compute, ledger, progress, queue, runs
from enrichment.errors import EnrichmentError
from enrichment.models import LayerRun, Run

LOOK_EVERY = 0.5
QUIET_FOR = 10.0


class Command(BaseCommand):
    help = "Compute layers of a project's clips. What is there already is not computed again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="the project's short name")
        parser.add_argument("--clip", action="append", default=[], help="number or name of a clip; all by default")
        parser.add_argument("--layers", default="", help="names with commas between; all by default")
        parser.add_argument(
            "--set", action="append", default=[], metavar="LAYER.PARAMETER=VALUE", help="for all clips, from now on"
        )
        parser.add_argument(
            "--engine",
            action="append",
            default=[],
            metavar="LAYER=ENGINE[:FOLDER]",
            help="what computes a layer, for all clips, from now on; `manage.py engines` lists them; empty: its own",
        )
        parser.add_argument("--wait", action="store_true", help="show progress until it is done")
        parser.add_argument("--here", action="store_true", help="compute in this process; needs no worker")

    def handle(self, *, project: str, clip: list[str], layers: str, wait: bool, here: bool, **options: Any) -> None:
        found = Project.objects.filter(slug=project).first()
        if found is None:
            known = ", ".join(Project.objects.values_list("slug", flat=True)[:20]) or "none yet"
            raise CommandError(f"There is no project {project!r}; there are: {known}.")
        clips = [_clip(found, said) for said in clip] or None
        names = [name.strip() for name in layers.split(",") if name.strip()] or None
        try:
            # What is refused at the end must not have set anything for all clips at the beginning.
            with transaction.atomic():
                _choose(found, options["engine"])
                _configure(found, options["set"])
                run = runs.request(project=found, by=None, clips=clips, layers=names, tell=False, retry=True)
            runs.plan(run)
        except EnrichmentError as error:
            raise CommandError(str(error)) from error
        if here:
            compute.work_here(run)
        else:
            queue.top_up()
        if wait and not here:
            self._wait(run)
        if wait or here:
            self._report(run)
        else:
            self.stdout.write(f"Run {run.pk} is queued: {run.clip_count} clips, layers {', '.join(run.layers)}.")

    def _wait(self, run: Run) -> None:
        began, last_word, warned, shown = time.monotonic(), time.monotonic(), False, ""
        done_at_first = progress.of_run(run).batches_done
        while (now := progress.of_run(run)).state in {"planning", "running"}:
            line = _line(now, done_at_first, time.monotonic() - began)
            moved = _words(line) != _words(shown)
            if moved or progress.someone_works(run):
                last_word, warned = time.monotonic(), False
            if moved:
                self.stdout.write(line)
                self.stdout.flush()
                shown = line
            if not warned and time.monotonic() - last_word > QUIET_FOR:
                self.stderr.write(
                    "Nothing has happened for 10 seconds; no worker seems to be running. Start one with "
                    f"`{queue.worker_command(*queue.EVERY)} -B`, "
                    "or give --here to compute in this process."
                )
                warned = True
            # Workers lose messages and die; without a scheduler this command is the one to notice.
            ledger.expire()
            queue.tell_again()
            time.sleep(LOOK_EVERY)

    def _report(self, run: Run) -> None:
        now = progress.of_run(run)
        for layer in now.layers:
            states = ", ".join(
                f"{count} {LayerRun.State(state).label.lower()}" for state, count in layer.states.items()
            )
            self.stdout.write(f"{layer.layer:<24} {states}")
        reasons: dict[str, list[str]] = defaultdict(list)
        for row in run.layer_runs.filter(state=LayerRun.State.FAILED).select_related("clip"):
            reasons[f"{row.layer}: {row.error}"].append(f"clip {row.clip_id} ({row.clip.name})")
        if reasons:
            lines = [
                f"{reason} In {', '.join(where[:5])}{' …' if len(where) > 5 else ''}"
                for reason, where in reasons.items()
            ]
            raise CommandError("\n".join(lines))


def _clip(project: Project, said: str) -> Clip:
    mine = Clip.objects.filter(project=project)
    found = mine.filter(pk=int(said)).first() if said.isdigit() else None
    found = found or mine.filter(name=said).first() or mine.filter(source_name=said).first()
    if found is None:
        raise CommandError(f"There is no clip {said!r} in {project.slug}; give its number or its name.")
    return found


def _choose(project: Project, given: list[str]) -> None:
    """Set the engines of --engine."""
    for each in given:
        layer, equals, engine = each.partition("=")
        if not equals:
            raise CommandError(f"--engine {each!r} cannot be read; write it like --engine depth=depth_anything:folder.")
        runs.configure(project=project, layer=layer.strip(), engine=engine.strip(), by=None)


def _configure(project: Project, given: list[str]) -> None:
    """Merge the --set values with what the project has set before."""
    changed: dict[str, dict[str, Any]] = defaultdict(dict)
    for each in given:
        where, equals, value = each.partition("=")
        layer, dot, parameter = where.partition(".")
        if not (equals and dot):
            raise CommandError(f"--set {each!r} cannot be read; write it like --set flow.scale=1.")
        try:
            changed[layer][parameter] = json.loads(value)
        except ValueError:
            changed[layer][parameter] = value
    for layer, parameters in changed.items():
        before = project.layer_settings.filter(layer=layer).values_list("parameters", flat=True).first() or {}
        runs.configure(project=project, layer=layer, parameters=before | parameters, by=None)


def _line(now: progress.RunProgress, done_at_first: int, seconds: float) -> str:
    """Every layer with its batches, and the time that is left at the pace so far."""
    parts = [f"{layer.layer} {layer.batches_done}/{layer.batches_total}" for layer in now.layers if layer.batches_total]
    pace = (now.batches_done - done_at_first) / seconds if seconds else 0.0
    left = f"about {(now.batches_total - now.batches_done) / pace:.0f} s left" if pace else "time left unknown"
    return f"{'  '.join(parts)}  {left}"


def _words(line: str) -> str:
    return line.rpartition("  ")[0]
