"""The deployment of docker-compose.yml, started by hand: PostgreSQL, Redis, an S3 endpoint, a web server, two workers.

The second worker has a home of its own, as on another machine: what it knows of a clip comes from the bucket.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest
from django.conf import settings
from psycopg2.extensions import parse_dsn

from tests.factories import tiny_video

pytestmark = pytest.mark.services
SERVER = os.environ.get("DATABASE_URL", "")
REDIS = os.environ.get("REDIS_URL", "")


@dataclass(frozen=True)
class Deployment:
    url: str
    environment: dict[str, str]
    bucket: Any
    token: str

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
        said = {"Authorization": f"Token {self.token}"} | {name.replace("_", "-"): v for name, v in headers.items()}
        request = urllib.request.Request(f"{self.url}{path}", body, said, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            raw = answer.read()
            return answer.status, answer.headers, json.loads(raw) if raw else None

    def manage(self, *words: str) -> str:
        return _manage(self.environment, *words)


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    if not SERVER.startswith("postgres") or not REDIS:
        missing = "DATABASE_URL (PostgreSQL) and REDIS_URL are not set"
        if os.environ.get("LOUPE_REQUIRE_SERVICES"):
            pytest.fail(missing)
        pytest.skip(missing)
    name = f"loupe_deployed_{os.getpid()}"
    _sql(f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"')
    running: list[subprocess.Popen[bytes]] = []
    storage, web = _free_port(), _free_port()
    environment = {key: value for key, value in os.environ.items() if key not in {"DEBUG", "LOUPE_TEST_HOME"}} | {
        "DATABASE_URL": SERVER.rsplit("/", 1)[0] + f"/{name}",
        "REDIS_URL": REDIS,
        "LOUPE_HOME": str(tmp_path / "first"),
        "SECRET_KEY": secrets.token_hex(32),
        "S3_ENDPOINT": f"http://127.0.0.1:{storage}",
        "S3_BUCKET": "loupe",
        "S3_ACCESS_KEY": "loupe",
        "S3_SECRET_KEY": "loupe-secret",
    }
    elsewhere = environment | {"LOUPE_HOME": str(tmp_path / "second")}
    worker = [sys.executable, "-m", "celery", "-A", "config", "worker", "--concurrency", "1", "--loglevel", "INFO"]
    try:
        moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(storage)]
        running.append(_start(moto, environment, tmp_path / "storage.log"))
        _wait_for_port(storage)
        _manage(environment, "migrate", "--noinput", "--verbosity", "0")
        _manage(environment, "prepare_storage")
        bucket = _bucket(environment)
        _manage(environment, "collectstatic", "--noinput", "--verbosity", "0")
        token = _set_up(environment)
        server = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(web)]
        running.append(_start(server, environment, tmp_path / "web.log"))
        running.append(_start([*worker, "-Q", "control,files", "-n", "first@%h"], environment, tmp_path / "first.log"))
        running.append(_start([*worker, "-Q", "cpu", "-n", "second@%h"], elsewhere, tmp_path / "second.log"))
        beat = [sys.executable, "-m", "celery", "-A", "config", "beat", "--schedule", str(tmp_path / "beat")]
        running.append(_start(beat, environment, tmp_path / "beat.log"))
        _wait_for_port(web)
        yield Deployment(f"http://127.0.0.1:{web}", environment, bucket, token)
    finally:
        for process in reversed(running):
            _stop(process)
        _sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def test_a_video_becomes_a_delivery_on_postgresql_redis_and_object_storage(
    deployment: Deployment, tmp_path: Path
) -> None:
    content = tiny_video(901, width=160, height=120).read_bytes()
    metadata = "filename dGlueS5tcDQ="  # tiny.mp4
    _, headers, _ = deployment.ask(
        "POST",
        "/api/projects/real/uploads/",
        b"",
        Upload_Length=str(len(content)),
        Upload_Metadata=metadata,
        Tus_Resumable="1.0.0",
    )
    place = "/api/" + headers["Location"].split("/api/", 1)[1]
    half = len(content) // 2
    for offset, piece in ((0, content[:half]), (half, content[half:])):
        kind = "application/offset+octet-stream"
        deployment.ask("PATCH", place, piece, Upload_Offset=str(offset), Content_Type=kind, Tus_Resumable="1.0.0")
    upload = _until(lambda: deployment.ask("GET", place)[2], lambda body: body["state"] in {"done", "refused"})
    assert upload["state"] == "done", upload
    clip = upload["clip"] if isinstance(upload["clip"], int) else upload["clip"]["id"]

    def layers() -> list[dict[str, Any]]:
        return deployment.ask("GET", f"/api/clips/{clip}/layers/")[2]

    def settled(found: Any) -> bool:
        rows = found if isinstance(found, list) else found["results"]
        return bool(rows) and all(row["state"] in {"done", "no_engine", "failed"} for row in rows)

    found = _until(layers, settled)
    rows = found if isinstance(found, list) else found["results"]
    states = {row["layer"]: row["state"] for row in rows}
    assert states["flow"] == "done", states
    assert "failed" not in states.values(), states
    stored = {each.key for each in deployment.bucket.objects.all()}
    assert any(key.endswith("flow/flow_000.npy") for key in stored), sorted(stored)[:20]
    # The worker that computed the layers had another home; the first one reads its work through the bucket.
    out = tmp_path / "delivered"
    deployment.manage("deliver", "real", "--format", "clip_folder", "--status", "any", "--out", str(out))
    deployment.manage("verify", str(out))
    assert list(out.rglob("flow_000.npy"))


def _set_up(environment: dict[str, str]) -> str:
    script = (
        "from django.contrib.auth.models import User; from rest_framework.authtoken.models import Token; "
        "from annotation import projects; by = User.objects.create_user('maria'); "
        "projects.create(name='Real', slug='real', by=by); print(Token.objects.create(user=by).key)"
    )
    return _manage(environment, "shell", "-c", script).split()[-1]


def _bucket(environment: dict[str, str]) -> Any:
    keys = {"aws_access_key_id": "loupe", "aws_secret_access_key": "loupe-secret", "region_name": "us-east-1"}
    return boto3.resource("s3", endpoint_url=environment["S3_ENDPOINT"], **keys).Bucket("loupe")


def _manage(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def _start(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as sink:
        return subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdout=sink, stderr=sink, start_new_session=True
        )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _sql(*statements: str) -> None:
    where = parse_dsn(SERVER.rsplit("/", 1)[0] + "/postgres")
    with closing(psycopg2.connect(**where)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(port: int) -> None:
    def reachable() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    _until(reachable, bool)


def _until(look: Any, done: Any, *, seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen = look()
        except urllib.error.URLError as error:
            seen = error
        if not isinstance(seen, Exception) and done(seen):
            return seen
        assert time.monotonic() < deadline, f"Nothing came of it in {seconds:.0f} s; last seen: {seen}"
        time.sleep(0.3)
