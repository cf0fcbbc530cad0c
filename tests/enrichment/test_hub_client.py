"""fetch_weights through the hub's own client, against a server on this machine that answers in the hub's shapes."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ID = "facebook/dinov2-base"
OLD, NEW = "a" * 40, "b" * 40


class Hub(BaseHTTPRequestHandler):
    """One repository with two commits; `newest` is what main means."""

    newest = OLD

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        parts = self.path.partition("?")[0].removeprefix("/").split("/")
        if parts[:4] == ["api", "models", *ID.split("/")]:
            said = parts[5] if parts[4:5] in (["revision"], ["tree"]) else "main"
            self._send_info({"main": self.newest}.get(said, said), tree=parts[4:5] == ["tree"], body=body)
        elif parts[:3] == [*ID.split("/"), "resolve"]:
            self._send(_files(parts[3])[parts[4]], "application/octet-stream", parts[3], body=body)
        else:
            self.send_error(404)

    def _send_info(self, commit: str, *, tree: bool, body: bool) -> None:
        files = _files(commit)
        told: object = {"id": ID, "sha": commit, "siblings": [{"rfilename": name} for name in files]}
        if tree:
            told = [{"type": "file", "path": name, "size": len(raw), "oid": commit} for name, raw in files.items()]
        self._send(json.dumps(told).encode(), "application/json", commit, body=body)

    def _send(self, raw: bytes, kind: str, commit: str, *, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha256(raw).hexdigest()}"')
        self.end_headers()
        if body:
            self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _files(commit: str) -> dict[str, bytes]:
    return {
        "config.json": b'{"model_type": "dinov2"}',
        "model.safetensors": f"weights of {commit}".encode(),
        "pytorch_model.bin": b"a pickle",
    }


@pytest.fixture
def hub() -> Iterator[str]:
    pytest.importorskip("huggingface_hub")
    Hub.newest = OLD
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def test_main_is_resolved_once_and_kept_to_until_another_commit_is_named(hub: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights"

    def fetch(*more: str) -> dict[str, str]:
        home = {"HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "hf"), "LOUPE_WEIGHTS": str(weights), "DEBUG": "1"}
        clean = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
        done = subprocess.run(
            [sys.executable, "manage.py", "fetch_weights", ID, *more],
            cwd=ROOT, env=clean | home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert not (weights / "dinov2-base/pytorch_model.bin").exists()
        record: dict[str, str] = json.loads((weights / "dinov2-base/loupe.json").read_text())
        return record

    first = fetch()
    assert (first["hub"], first["revision"]) == (ID, OLD)
    assert (weights / "dinov2-base/model.safetensors").read_text() == f"weights of {OLD}"
    Hub.newest = NEW
    assert fetch()["revision"] == OLD
    named = fetch("--revision", "main")
    assert named["revision"] == NEW
    assert named["sha256"] != first["sha256"]
    assert (weights / "dinov2-base/model.safetensors").read_text() == f"weights of {NEW}"


def test_a_disk_that_takes_no_more_is_not_told_as_a_lack_of_internet(hub: str, tmp_path: Path) -> None:
    def bound() -> None:
        # Nothing that is written may grow beyond this, as on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))

    home = {
        "HF_ENDPOINT": hub,
        "HF_HOME": str(tmp_path / "hf"),
        "LOUPE_WEIGHTS": str(tmp_path / "weights"),
        "DEBUG": "1",
    }
    clean = {key: value for key, value in os.environ.items() if key != "HF_HUB_OFFLINE"}
    done = subprocess.run(
        [sys.executable, "-B", "manage.py", "fetch_weights", ID],
        cwd=ROOT, env=clean | home, capture_output=True, text=True, check=False, preexec_fn=bound,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be laid below" in done.stderr
    assert "internet" not in done.stderr
