"""Lines of the audit log lead to what they tell of, as far as the reader may go."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from annotation import history
from annotation.models import Clip, History, Membership
from frontend import trail
from frontend.access import Place
from tests.frontend.conftest import Browse
from tests.frontend.things import flag

pytestmark = pytest.mark.django_db


def test_a_line_leads_to_its_thing_and_to_none_that_the_reader_may_not_open(
    clip: Clip, alice: User, bob: User, browse: Browse
) -> None:
    made = flag(clip)
    for subject, data in ((clip, {"name": clip.name}), (made, {}), (clip.project, {"weights": {}})):
        verb = "weighed" if subject == clip.project else "changed"
        history.record(project=clip.project, actor=alice, verb=verb, subject=subject, **data)
    manager, annotator = (browse(each).get("/projects/table-top/").content.decode() for each in (alice, bob))
    of_clip, of_flag = (
        f'href="/clips/{clip.pk}/">alice changed',
        f'href="/projects/table-top/flags/{made.pk}/">alice changed',
    )
    assert of_clip in manager
    assert of_clip in annotator
    assert of_flag in manager
    assert of_flag not in annotator
    assert 'href="/projects/table-top/settings/">alice weighed' in manager


def test_no_line_leads_to_a_page_that_is_not_there(clip: Clip, alice: User, browse: Browse) -> None:
    client = browse(alice)
    told = [
        ("membership", "set the role of"),
        ("user", "made the account of"),
        ("upload", "began"),
        ("webhook", "create"),
    ]
    told += [("taxonomyversion", "saved"), ("guideline", "published"), ("layersetting", "configure")]
    told += [("project", each) for each in ("surveyed", "dropped versions", "weighed", "changed", "created")]
    told += [("project", f"changed the {each} of") for each in ("grammar", "dictionary")]
    for at, (subject, verb) in enumerate(told):
        entry = History(project=clip.project, actor=alice, verb=verb, subject=subject, subject_id=str(at))
        address = trail.address(entry, Place(clip.project, Membership.Role.MANAGER))
        assert bool(address) == (verb != "created"), entry
        assert not address or client.get(address).status_code == 200, address
