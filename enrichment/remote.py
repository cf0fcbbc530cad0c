"""Services over the network as engines: where they are, what they cost, how many calls may begin in a minute."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from enrichment import budget
from enrichment.engines.gemini import Gemini
from enrichment.engines.openai import OpenAI
from enrichment.engines.vlm import Link, Outcome
from enrichment.models import ApiCall, LayerRun

_PRICES: Final = Path(__file__).parent / "vlm_prices.toml"
_MILLION: Final = Decimal(1_000_000)
_MINUTE: Final = timedelta(minutes=1)
_HOSTED: Final = {"gemini": "generativelanguage.googleapis.com", "openai": "api.openai.com"}

_charged: ContextVar[int | None] = ContextVar("charged", default=None)


@contextmanager
def charged_to(layer_run: LayerRun) -> Iterator[None]:
    """Calls that begin inside the block are of this layer run."""
    token = _charged.set(layer_run.pk)
    try:
        yield
    finally:
        _charged.reset(token)


def lacks(service: str) -> str:
    """What this machine lacks to call a service, as a sentence; empty when nothing."""
    address, key = settings.REMOTE_MODELS[service]
    if key or _HOSTED[service] not in address:
        return ""
    return (
        f"There is no key for {service}: set {service.upper()}_API_KEY in the environment of the server and "
        "the workers; pictures are then sent there."
    )


def gemini() -> Gemini:
    """Gemini with the key of this machine."""
    return Gemini(_link("gemini"), DatabaseBook("gemini"))


def openai() -> OpenAI:
    """OpenAI, or a server that speaks its language, with the key of this machine."""
    return OpenAI(_link("openai"), DatabaseBook("openai"))


class DatabaseBook:
    """Calls as rows, which all workers count together."""

    def __init__(self, service: str) -> None:
        self._service = service

    def begin(self, *, service: str, model: str, prompt: str, attempt: int, per_minute: int) -> tuple[ApiCall, float]:
        """See `Book.begin`. Each call has its turn, a minute after the one that is `per_minute` before it.

        Raises:
            CallsSpent: the project allows no more.
        """
        with transaction.atomic():
            _one_at_a_time(self._service)
            budget.demand(_charged.get(), priced=_is_priced(self._service, model), model=model)
            now = timezone.now()
            turns = ApiCall.objects.since(self._service, now - _MINUTE).values_list("began_at", flat=True)
            full = list(turns[per_minute - 1 : per_minute])
            turn = max(now, full[0] + _MINUTE) if full else now
            call = ApiCall.objects.create(
                layer_run_id=_charged.get(),
                service=self._service,
                model=model,
                prompt=prompt,
                attempt=attempt,
                began_at=turn,
            )
        return call, (turn - now).total_seconds()

    def end(self, entry: ApiCall, outcome: Outcome) -> None:
        """See `Book.end`."""
        ApiCall.objects.filter(pk=entry.pk).update(
            seconds=outcome.seconds,
            status=outcome.status,
            tokens_in=outcome.tokens_in,
            tokens_out=outcome.tokens_out,
            dollars=dollars(self._service, entry.model, outcome.tokens_in, outcome.tokens_out),
            error=outcome.error,
        )


def _one_at_a_time(service: str) -> None:
    """Hold all who enter a call of a service until the transaction ends; on SQLite, BEGIN IMMEDIATE has done so.

    A lock of the service and not of a row: of the last call there may be none yet, and who waits for it wakes up beside
    those who came later and wait for a newer one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"calls of {service}"])


def dollars(service: str, model: str, tokens_in: int, tokens_out: int) -> Decimal | None:
    """What a call cost; None where the model's price is not known."""
    price = _prices().get(service, {}).get(model)
    if price is None:
        return None
    return (Decimal(str(price["in"])) * tokens_in + Decimal(str(price["out"])) * tokens_out) / _MILLION


def _is_priced(service: str, model: str) -> bool:
    """Whether it is known what a model's calls cost; those of a server of one's own cost nothing."""
    return model in _prices().get(service, {}) or _HOSTED[service] not in settings.REMOTE_MODELS[service][0]


def _link(service: str) -> Link:
    address, key = settings.REMOTE_MODELS[service]
    return Link(address, key, settings.REMOTE_CALLS_PER_MINUTE)


@cache
def _prices() -> dict[str, dict[str, dict[str, float]]]:
    return tomllib.loads(_PRICES.read_text())
