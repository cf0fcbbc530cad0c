"""A real server on a home of its own, and Chromium in front of it. Without Chromium these tests are skipped."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, sync_playwright

from annotation.geometry import rle
from tests.factories import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("LOUPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SLOWEST_START = 60.0  # seconds
FRAMES = 200  # of the clip; each test's task is a frame shorter than the one before it, so more than there are tests


@dataclass
class Site:
    """A running server: its address, its home, and a clip in it."""

    url: str
    home: Path
    clip: int
    tasks_made: int = 0
    cookies: dict[str, Any] = field(default_factory=dict)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What really stands in the database."""
        with sqlite3.connect(f"file:{self.home / 'loupe.sqlite3'}?mode=ro", uri=True) as database:
            return database.execute(query, values).fetchall()


@dataclass
class Person:
    """Somebody logged in, with a browser of their own and the API behind it."""

    site: Site
    context: BrowserContext

    def call(self, method: str, path: str, body: object = None, **headers: str) -> APIResponse:
        token = next(c["value"] for c in self.context.cookies() if c["name"] == "csrftoken")
        return self.context.request.fetch(
            f"{self.site.url}/api/{path}",
            method=method,
            data=body,
            headers={"X-CSRFToken": token, "Referer": self.site.url, **headers},
        )

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.goto(self.site.url + path)
        return page


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("browser-home")
    settings = {"LOUPE_HOME": str(home), "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}} | settings
    in_root: dict[str, Any] = {"cwd": ROOT, "env": environment}
    for arguments in (["manage.py", "migrate", "-v0"], ["-m", "tests.browser.stage", str(FRAMES)]):
        done = subprocess.run([sys.executable, *arguments], **in_root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    clip = int(done.stdout.split()[-1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    log = home / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen([*command, "--log-level", "warning"], **in_root, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, server, log)
        yield Site(url=url, home=home, clip=clip)
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; install it or set LOUPE_CHROMIUM to it")
    # Playwright's own loop runs in this thread, and Django takes it for an asynchronous caller; it is not one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)


@pytest.fixture
def bob(site: Site, chromium: Browser) -> Iterator[Person]:
    """The annotator."""
    person = log_in(site, chromium, "bob")
    yield person
    person.context.close()


@pytest.fixture
def dana(site: Site, chromium: Browser) -> Iterator[Person]:
    """The QA lead."""
    person = log_in(site, chromium, "dana")
    yield person
    person.context.close()


@pytest.fixture
def task(site: Site, bob: Person, chromium: Browser) -> int:
    """A task of its own for each test, in bob's hands; one frame shorter than the one before."""
    manager = log_in(site, chromium, "alice")
    site.tasks_made += 1
    body = {"clip": site.clip, "start": 0, "end": FRAMES - site.tasks_made, "frames": [0]}
    made = manager.call("POST", "projects/table-top/tasks/", body)
    assert made.status == 201, made.text()
    pk = int(made.json()["id"])
    manager.context.close()
    assert bob.call("POST", f"tasks/{pk}/claim/").status == 200
    return pk


def mask_in_database(
    site: Site, task: int, frame: int, *, width: int = 320, height: int = 180
) -> npt.NDArray[np.bool_]:
    """(180, 320) bool: the only mask that stands on this frame of the task."""
    query = """
        SELECT revision.counts FROM annotation_mask mask
        JOIN annotation_maskrevision revision ON revision.id = mask.head_id
        WHERE mask.task_id = ? AND mask.frame = ? AND NOT revision.deleted
    """
    ((counts,),) = site.rows(query, task, frame)
    return rle.decode({"size": [180, 320], "counts": counts}).astype(bool)


def log_in(site: Site, chromium: Browser, name: str) -> Person:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    if name in site.cookies:
        context.add_cookies(site.cookies[name])
    else:
        page = context.new_page()
        page.goto(f"{site.url}/login/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{site.url}/")
        page.close()
        site.cookies[name] = context.cookies()
    return Person(site, context)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SLOWEST_START
    while time.monotonic() < until:
        assert server.poll() is None, f"The server did not start:\n{log.read_text()[-3000:]}"
        try:
            with urllib.request.urlopen(f"{url}/login/", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"The server did not answer in {SLOWEST_START:.0f} s:\n{log.read_text()[-3000:]}")
