"""The page of one clip: its frames can be looked at, and keep their place while the rest of the page is told anew."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from annotation.models import Clip
from tests.frontend.conftest import Browse

pytestmark = pytest.mark.django_db


def test_every_frame_can_be_stepped_to_and_keyframes_lead_there(clip: Clip, bob: User, browse: Browse) -> None:
    Clip.objects.filter(pk=clip.pk).update(keyframes=[0, 4])
    page = browse(bob).get(f"/clips/{clip.pk}/").content.decode()
    stepper = page[page.index('id="frames"') : page.index('id="keyframes"')]
    assert 'hx-preserve="true"' in stepper
    assert f'data-first="0"\n         data-last="{clip.frame_count - 1}"' in stepper
    assert "js/pages/stepper" in page
    assert re.findall(r'<a href="#stepper" data-frame="(\d+)"', page) == ["0", "4"]
