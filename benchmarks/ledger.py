"""Half a million clips with nine layers, a task and flags, on PostgreSQL: claims, and the pages that list all that.

BENCH_POSTGRES names the server (default: the local one, user postgres); LOUPE_BENCH_CLIPS how many clips there are.
The rows are written by SQL into a database of their own, which is dropped afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any

import psycopg2

from benchmarks.processes import ROOT
from benchmarks.row import row

SERVER = os.environ.get("BENCH_POSTGRES", "postgres://postgres@127.0.0.1:5432")
CLIPS = int(os.environ.get("LOUPE_BENCH_CLIPS", "500000"))
CLAIM_LIMIT, PAGE_LIMIT = 0.050, 0.300  # s
WORKERS = 4


def rows() -> list[dict[str, Any]]:
    name = f"loupe_bench_{os.getpid()}"
    try:
        _sql(f'CREATE DATABASE "{name}"')
    except psycopg2.OperationalError as error:
        print(f"  not run: PostgreSQL does not answer at {SERVER}, {str(error).splitlines()[0]}")
        return []
    try:
        with tempfile.TemporaryDirectory(prefix="loupe-bench-") as home:
            said = {
                "DATABASE_URL": f"{SERVER}/{name}",
                "LOUPE_HOME": home,
                "CELERY_BROKER_URL": "filesystem://localhost",
            }
            environment = {key: value for key, value in os.environ.items() if key != "REDIS_URL"} | said
            _run(environment, "manage.py", "migrate", "--noinput", "--verbosity", "0")
            _run(environment, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
            _run(environment, "-m", "benchmarks.ledger_rows", str(CLIPS))
            workers = [_begin(environment, "claims") for _ in range(WORKERS)]
            claims = sorted(second for worker in workers for second in _end(worker))
            pages = _end(_begin(environment, "pages"))
    finally:
        _sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    where = f"{CLIPS:,} clips x 9 layers"
    return [
        _p95(f"claim of a batch by {WORKERS} workers, p95, {where}", claims, CLAIM_LIMIT),
        *(_p95(f"{name}, p95, {where}", seconds, PAGE_LIMIT) for name, seconds in pages.items()),
    ]


def _p95(name: str, seconds: list[float], limit: float) -> dict[str, Any]:
    value = seconds[int(len(seconds) * 0.95)]
    return row(name, value * 1000, "ms", against=f"the limit of {limit * 1000:.0f} ms", ratio=value / limit)


def _run(environment: dict[str, str], *words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _begin(environment: dict[str, str], what: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "benchmarks.ledger_times", what]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)


def _end(process: subprocess.Popen[bytes]) -> Any:
    out, _ = process.communicate()
    if process.returncode:
        sys.exit("the ledger benchmark failed, see above")
    return json.loads(out.splitlines()[-1])


def _sql(statement: str) -> None:
    connection = psycopg2.connect(f"{SERVER}/postgres")
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
