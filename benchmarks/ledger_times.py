"""Time claims or pages on the database that DATABASE_URL names; prints seconds as one JSON list."""

from __future__ import annotations

import json
import sys
import time

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from enrichment import ledger  # noqa: E402
from enrichment.models import Batch  # noqa: E402

CLAIMS, PAGES = 300, 20
ADDRESSES = {
    "runs page": "/projects/bench/runs/",
    "home": "/",
    "overview of the project": "/projects/bench/",
    "clips": "/projects/bench/clips/",
    "clips by name": "/projects/bench/clips/?sort=name",
    "search that finds few": "/projects/bench/clips/?q=4999",
    "search that finds all": "/projects/bench/clips/?q=clip",
    "search that finds none": "/projects/bench/clips/?q=zzz",
    "tasks": "/projects/bench/tasks/",
    "flags": "/projects/bench/flags/",
    "what checks raise": "/projects/bench/flags/checks/",
    "flags, to a program": "/api/projects/bench/flags/",
}


def claims() -> list[float]:
    """What a worker does whose hint came too late: look for free batches, take the first that is still free."""
    found = []
    hint = Batch.objects.filter(state=Batch.State.DONE).values_list("pk", flat=True)[0]
    while len(found) < CLAIMS:
        began = time.perf_counter()
        if ledger.claim_like(hint) is not None:
            found.append(time.perf_counter() - began)
    return found


def pages() -> dict[str, list[float]]:
    """Each list and its neighbours, as a manager's browser asks for them, by what they are called in the table."""
    client = Client()
    client.force_login(User.objects.get(username="bench"))
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        return {name: _page(client, address) for name, address in ADDRESSES.items()}


def _page(client: Client, address: str) -> list[float]:
    found = []
    for number in range(PAGES + 2):
        began = time.perf_counter()
        answer = client.get(address)
        if answer.status_code != 200 or b"bench" not in answer.content.lower():
            sys.exit(f"{address} answered {answer.status_code}")
        if number >= 2:  # templates and plans are made at the first calls
            found.append(time.perf_counter() - began)
    return sorted(found)


if __name__ == "__main__":
    print(json.dumps({"claims": claims, "pages": pages}[sys.argv[1]]()))
