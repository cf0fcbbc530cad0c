"""How tests make things: through the verbs, so that what they make is what the product makes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import factory
from django.conf import settings
from django.contrib.auth.models import User

from annotation import clips, projects
from annotation.media.facts import ClipFacts, Limits
from annotation.media.probe import inspect
from annotation.models import Clip, Membership, Project
from annotation.scene.numbered import write_numbered_video
from tests.people import PASSWORD

__all__ = ["PASSWORD"]


class UserFactory(factory.django.DjangoModelFactory[User]):
    """A person who can log in with PASSWORD."""

    class Meta:
        model = User
        django_get_or_create = ("username",)
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        found = User.objects.filter(username=kwargs["username"]).first()
        return found or User.objects.create_user(password=PASSWORD, **kwargs)


class ProjectFactory(factory.django.DjangoModelFactory[Project]):
    """A project with the starter taxonomy; `by` is its manager, `qa_leads` and `annotators` are people in it."""

    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")
    slug = factory.Sequence(lambda n: f"project-{n}")
    by = factory.SubFactory(UserFactory)

    @classmethod
    def _create(
        cls,
        model_class: type[Project],
        *args: Any,
        by: User,
        qa_leads: Sequence[User] = (),
        annotators: Sequence[User] = (),
        **kwargs: Any,
    ) -> Project:
        project = projects.create(by=by, **kwargs)
        for role, people in ((Membership.Role.QA_LEAD, qa_leads), (Membership.Role.ANNOTATOR, annotators)):
            for person in people:
                projects.set_role(project=project, user=person, role=role, by=by)
        return project


@lru_cache(maxsize=32)
def tiny_video(number: int = 0, frames: int = 24, width: int = 96, height: int = 64, fps: float = 12.0) -> Path:
    """A real MP4 of numbered pictures; another `number` gives other bytes. Made once a session; do not write to it."""
    path = _session_folder() / f"tiny{number}-{frames}-{width}x{height}-{fps:g}.mp4"
    # The first frame is shorter in each file, so that no two have the same bytes.
    first = (1 + number % 1000 / 2000) / fps
    times = [0.0] + [first + i / fps for i in range(frames - 1)] if number else None
    write_numbered_video(path, frames=frames, width=width, height=height, fps=fps, pts=times)
    return path


@lru_cache(maxsize=32)
def facts_of(path: Path) -> ClipFacts:
    """What the real inspection says of a file; asked once a session, because it starts a process."""
    return inspect(path, limits=Limits())


class ClipFactory(factory.django.DjangoModelFactory[Clip]):
    """A clip with its folder, frame index and task, from a real file. Further clips of a project come from other files.

    Give `path` to take in a certain file, or `frames`, `width`, `height`, `fps` for another tiny video.
    """

    class Meta:
        model = Clip

    project = factory.SubFactory(ProjectFactory)
    by = factory.LazyAttribute(lambda made: made.project.memberships.get(role=Membership.Role.MANAGER).user)

    @classmethod
    def _create(
        cls,
        model_class: type[Clip],
        *args: Any,
        project: Project,
        by: User,
        path: Path | None = None,
        about: dict[str, Any] | None = None,
        **video: Any,
    ) -> Clip:
        path = path or tiny_video(project.clips.count(), **video)
        return clips.add(project=project, path=path, facts=facts_of(path), about=about or {}, by=by)


def clip_rows(project: Project, count: int, **fields: Any) -> list[Clip]:
    """Rows without files, for tests that only count queries or page through lists."""
    first = project.clips.count()
    values: dict[str, Any] = {
        "size": 1000,
        "container": "mp4",
        "codec": "h264",
        "width": 96,
        "height": 64,
        "frame_count": 24,
        "duration": 2.0,
        "fps": 12.0,
        "keyframes": [0, 12],
        **fields,
    }
    rows = [
        Clip(project=project, name=f"clip {n}", source_name=f"clip{n}.mp4", sha256=f"{n:064x}", **values)
        for n in range(first, first + count)
    ]
    return Clip.objects.bulk_create(rows)


@lru_cache(maxsize=1)
def _session_folder() -> Path:
    # Below the tests' home, which tests/conftest.py removes at the end.
    return Path(tempfile.mkdtemp(prefix="videos-", dir=settings.HOME))
