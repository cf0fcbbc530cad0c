"""A real server on a home of its own and people in front of it: for the browser's tests, and for what times it."""

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, Playwright

from tests.people import PASSWORD

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("LOUPE_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SLOWEST_START = 60.0  # seconds


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


@contextmanager
def serve(home: Path, stage: Sequence[str], *, debug: bool = True) -> Iterator[Site]:
    """Make what is worked on with `python -m *stage`, whose last word is the clip's id, and serve it meanwhile.

    Without `debug` it is served as people get it: static files under hashed names, asked for once.
    """
    settings = {"LOUPE_HOME": str(home), "DEBUG": str(int(debug)), "DJANGO_SETTINGS_MODULE": "config.settings"}
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}} | settings
    in_root: dict[str, Any] = {"cwd": ROOT, "env": environment}
    statics = [] if debug else [["manage.py", "collectstatic", "--noinput", "-v0"]]
    for arguments in (["manage.py", "migrate", "-v0"], *statics, ["-m", *stage]):
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


def start_chromium(playwright: Playwright) -> Browser:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


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
