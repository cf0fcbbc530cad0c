"""What every test stands on: a home of its own, people with names, a project, a clip made from a real file.

Settings are read once, when they are first imported, so the home is chosen here before anything of Django is: a test
run must never write into the folder in which somebody's annotations lie. DJANGO_SETTINGS_MODULE is therefore set here
and not in pyproject.toml, where pytest-django would act on it before this file is read.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Workers of pytest-xdist inherit the home of the process that started them; their databases have names of their own.
_made_here = os.environ.get("LOUPE_TEST_HOME") is None
HOME = Path(os.environ.get("LOUPE_TEST_HOME") or tempfile.mkdtemp(prefix="loupe-tests-"))
if os.environ.get("DJANGO_SETTINGS_MODULE") and _made_here:
    raise pytest.UsageError(
        "DJANGO_SETTINGS_MODULE is set; unset it, tests/conftest.py chooses settings and home itself."
    )
(HOME / "static").mkdir(exist_ok=True)  # or every request warns that it is missing
os.environ["LOUPE_TEST_HOME"] = os.environ["LOUPE_HOME"] = str(HOME)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
# Ids begin again at 1 in every test: two workers on one Redis would hear of each other's tasks.
_worker, _redis = os.environ.get("PYTEST_XDIST_WORKER", ""), os.environ.get("REDIS_URL", "")
if _worker and _redis:
    _server, _, _number = _redis.rpartition("/")
    os.environ["REDIS_URL"] = f"{_server}/{int(_number) + 1 + int(_worker.removeprefix('gw'))}"
# Plain static files: the hashed ones need a collectstatic first.
os.environ["DEBUG"] = "1"
for _name in ("S3_BUCKET", "LOUPE_PRODUCTION"):
    os.environ.pop(_name, None)

import django  # noqa: E402

django.setup()

from django.conf import settings as django_settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from pytest_django import Settings  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from annotation.models import Clip, Project  # noqa: E402
from tests import factories  # noqa: E402

# Real hashing takes a tenth of a second per person, on purpose; tests make hundreds of people.
django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the database: the rest is the same on SQLite and on PostgreSQL, and need not run on both."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if {"db", "transactional_db"} & set(names) or item.get_closest_marker("django_db"):
            item.add_marker("database")


def pytest_unconfigure() -> None:
    if _made_here:
        shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def folders(settings: Settings, tmp_path: Path) -> None:
    """Each test has clips, uploads, stills and deliveries of its own: ids begin again at 1 in every test."""
    for name in ("clips", "uploads", "stills", "deliveries"):
        setattr(settings, f"{name.upper()}_DIR", tmp_path / "home" / name)


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder with blocks.mp4 and coffee.mp4; set LOUPE_SAMPLES to where it is."""
    folder = Path(os.environ.get("LOUPE_SAMPLES") or Path(__file__).parents[2] / "shared" / "data")
    missing = [name for name in ("blocks.mp4", "coffee.mp4") if not (folder / name).is_file()]
    if missing:
        pytest.skip(f"the real clips {', '.join(missing)} are not in {folder}; set LOUPE_SAMPLES to their folder")
    return folder


@pytest.fixture
def alice(db: None) -> User:
    """The manager."""
    return factories.UserFactory(username="alice")


@pytest.fixture
def dana(db: None) -> User:
    """The QA lead."""
    return factories.UserFactory(username="dana")


@pytest.fixture
def bob(db: None) -> User:
    """An annotator."""
    return factories.UserFactory(username="bob")


@pytest.fixture
def carol(db: None) -> User:
    """Another annotator."""
    return factories.UserFactory(username="carol")


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody with an account who is in no project."""
    return factories.UserFactory(username="mallory")


@pytest.fixture
def project(alice: User, dana: User, bob: User, carol: User) -> Project:
    """The project "table-top" with alice as manager, dana as QA lead, bob and carol as annotators."""
    return factories.ProjectFactory(
        name="Table top", slug="table-top", by=alice, qa_leads=[dana], annotators=[bob, carol]
    )


@pytest.fixture
def clip(project: Project, alice: User) -> Clip:
    """A real clip of 24 numbered frames, 96x64 at 12 frames per second, with its folder and its task."""
    return factories.ClipFactory(project=project, by=alice)


@pytest.fixture
def api() -> APIClient:
    """A client of the API that nobody has logged in with; `api.force_authenticate(bob)` does."""
    return APIClient()
