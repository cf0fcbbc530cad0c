"""`manage.py deliver` and `manage.py verify`, as a person at a terminal uses them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.models import Mask, Project, Task
from delivery.models import Delivery
from tests.delivery.conftest import edit


def test_the_commands_deliver_and_verify(
    drawn: list[Mask], project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    call_command("deliver", project.slug, "--format", "coco", "--out", str(out), "--label", "gripper")
    call_command("verify", str(out))
    assert "1 masks" in capsys.readouterr().out
    picture = next(out.glob("images/*/*.png"))
    picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    with pytest.raises(SystemExit) as stopped:
        call_command("verify", str(out))
    assert stopped.value.code == 1
    assert picture.name in capsys.readouterr().err


def test_the_command_makes_the_same_again_from_a_snapshot(
    task: Task, drawn: list[Mask], project: Project, bob: User, dana: User, tmp_path: Path
) -> None:
    call_command("deliver", project.slug, "--format", "coco", "--out", str(tmp_path / "one"))
    edit(task, drawn, by=bob, manager=dana)
    first = Delivery.objects.get()
    call_command("deliver", project.slug, "--format", "coco", "--out", str(tmp_path / "two"), "--again", str(first.pk))
    sums = [(tmp_path / name / "SHA256SUMS").read_bytes() for name in ("one", "two")]
    assert sums[0] == sums[1]


def test_the_command_refuses_a_folder_that_is_not_empty(project: Project, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    with pytest.raises(CommandError, match="not empty"):
        call_command("deliver", project.slug, "--format", "coco", "--out", str(tmp_path))
    assert not Delivery.objects.exists()
