"""A real server on a home of its own, and Chromium in front of it. Without Chromium these tests are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from playwright.sync_api import Browser, sync_playwright

from annotation.geometry import rle
from tests.browser.site import CHROMIUM, ROOT, Person, Site, log_in, serve, start_chromium

__all__ = ["CHROMIUM", "ROOT", "Person", "Site", "log_in", "mask_in_database"]

FRAMES = 200  # of the clip; each test's task is a frame shorter than the one before it, so more than there are tests


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve(tmp_path_factory.mktemp("browser-home"), ["tests.browser.stage", str(FRAMES)]) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine; install it or set LOUPE_CHROMIUM to it")
    # Playwright's own loop runs in this thread, and Django takes it for an asynchronous caller; it is not one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
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
    # What an earlier test chose would follow bob here, as it should.
    assert bob.call("PUT", "preferences/", {"threshold": 0.7}).status == 200
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
