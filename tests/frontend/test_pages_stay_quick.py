"""Pages cost the same number of queries however many rows there are."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation.models import Clip
from tests.frontend.conftest import Browse, counted
from tests.frontend.things import fill

PAGES = [
    "/",
    "/projects/",
    "/projects/table-top/",
    "/projects/table-top/clips/",
    "/projects/table-top/clips/?q=clip&sort=name",
    "/clips/{clip}/",
    "/projects/table-top/tasks/",
    "/projects/table-top/uploads/",
    "/projects/table-top/runs/",
    "/projects/table-top/flags/",
    "/projects/table-top/flags/checks/?check=flow_vs_segmentation",
    "/projects/table-top/deliveries/",
    "/palette/?q=clip&project=table-top",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_200_rows_takes_the_queries_of_one_with_10(
    page: str, clip: Clip, alice: User, browse: Browse
) -> None:
    client = browse(alice)
    address = page.format(clip=clip.pk)
    fill(clip, 10, alice)
    client.get(address)
    with counted() as few:
        assert client.get(address).status_code == 200
    fill(clip, 190, alice)
    with counted() as many:
        assert client.get(address).status_code == 200
    # Beyond the first window one query looks up where the next one begins; nothing else may be added.
    assert len(many) == len(few), "\n".join(sorted(set(many) - set(few)))
    assert len(many) <= 30
