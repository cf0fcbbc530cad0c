"""Scrolling through a table meets every row once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import RequestFactory

from annotation.models import Clip, Project
from frontend import rows
from tests.factories import clip_rows
from tests.frontend.conftest import Browse

SORTS = {"id": "id", "scene": "scene", "name": "name"}


def scroll(query: str) -> list[Clip]:
    seen: list[Clip] = []
    while True:
        found = rows.window(Clip.objects.all(), RequestFactory().get(f"/?{query}"), sorts=SORTS, default="-id", size=7)
        seen += found.rows
        if not found.more:
            return seen
        query = found.more


@pytest.mark.parametrize("sort", ["id", "-id", "name", "-name", "scene", "-scene"])
def test_every_row_is_met_once_also_among_equals(sort: str, project: Project) -> None:
    clip_rows(project, 12, scene="kitchen")
    clip_rows(project, 11, scene="desk")
    met = scroll(f"sort={sort}")
    values = [getattr(clip, sort.lstrip("-")) for clip in met]
    assert len({clip.pk for clip in met}) == len(met) == 23
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_the_next_window_keeps_the_filters_of_the_address(project: Project) -> None:
    clip_rows(project, 9)
    request = RequestFactory().get("/?q=clip&sort=name&scene=")
    more = QueryDict(rows.window(Clip.objects.all(), request, sorts=SORTS, default="-id", size=4).more)
    assert (more["q"], more["sort"]) == ("clip", "name")


@pytest.mark.parametrize("query", ["sort=added_by__password", "sort=-", "after=x", "after=999999", "after=-1"])
def test_a_made_up_address_answers_with_rows_or_none(query: str, project: Project) -> None:
    clip_rows(project, 3)
    found = rows.window(Clip.objects.all(), RequestFactory().get(f"/?{query}"), sorts=SORTS, default="-id")
    assert len(found) in {0, 3}


def test_scrolling_on_the_page_brings_rows_only(project: Project, alice: User, browse: Browse) -> None:
    clip_rows(project, 60)
    client = browse(alice)
    page = client.get("/projects/table-top/clips/").content.decode()
    assert page.count('class="lead"') == rows.WINDOW
    last = Clip.objects.order_by("-id")[rows.WINDOW - 1]
    more = client.get(f"/projects/table-top/clips/?after={last.pk}", headers={"HX-Request": "true"}).content.decode()
    assert more.count('class="lead"') == 20
    assert "<html" not in more
