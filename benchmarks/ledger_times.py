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


def claims() -> list[float]:
    """What a worker does whose hint came too late: look for free batches, take the first that is still free."""
    found = []
    hint = Batch.objects.filter(state=Batch.State.DONE).values_list("pk", flat=True)[0]
    while len(found) < CLAIMS:
        began = time.perf_counter()
        if ledger.claim_like(hint) is not None:
            found.append(time.perf_counter() - began)
    return found


def pages() -> list[float]:
    """The list of runs with the graph of the newest, as a browser asks for it."""
    client = Client()
    client.force_login(User.objects.get(username="bench"))
    found = []
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        for number in range(PAGES + 2):
            began = time.perf_counter()
            answer = client.get("/projects/bench/runs/")
            if answer.status_code != 200 or b"Run 1" not in answer.content:
                sys.exit(f"the runs page answered {answer.status_code}")
            if number >= 2:  # templates and plans are made at the first calls
                found.append(time.perf_counter() - began)
    return found


if __name__ == "__main__":
    print(json.dumps({"claims": claims, "pages": pages}[sys.argv[1]]()))
