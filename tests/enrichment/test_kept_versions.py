"""A layer computed anew keeps what it replaces; either can be current, and nobody's work is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from annotation import clips, proposal_masks, proposals, tasks
from annotation.errors import Refused
from annotation.geometry import rle
from annotation.media import versions
from annotation.media.clip_folder import ClipFolder
from annotation.media.errors import ClipFolderError
from annotation.models import Clip, MaskRevision, Project, Proposal, Task
from enrichment import compute, kept, ledger, runs
from enrichment.errors import RunRefused, VersionGone
from enrichment.layer import Context, Layer, Product, Proposals, Proposed
from enrichment.models import LayerRun, Run
from tests.enrichment.layers import Numbers, only

State = LayerRun.State


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RETRY_AFTER", (0.0, 0.0))


def compute_all(project: Project, by: User) -> Run:
    return finish(runs.request(project=project, by=by, tell=False))


def finish(run: Run) -> Run:
    runs.plan(run)
    compute.work_here(run)
    return run


def with_added(project: Project, by: User, add: int, layer: str = "numbers") -> LayerRun:
    """The layer computed with another parameter; returns its current run."""
    runs.configure(project=project, layer=layer, parameters={"add": add}, by=by)
    compute_all(project, by)
    return LayerRun.objects.current().get(clip__project=project, layer=layer)


def first_number(folder: ClipFolder) -> int:
    return int(json.loads(folder.local("numbers/all.json").read_bytes())[0])


@pytest.mark.django_db
class TestKeeping:
    def test_what_a_newer_result_replaces_is_kept_whole_with_what_made_it(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        made = clips.folder(clip).manifest()["layers"]["numbers"]
        new = with_added(project, alice, 7)
        old.refresh_from_db()
        folder = clips.folder(clip)
        assert (old.current, new.current, old.kept_at is not None) == (False, True, True)
        assert (first_number(folder), first_number(folder.version(old.fingerprint))) == (7, 1)
        version = folder.version(old.fingerprint)
        assert version.manifest()["layers"] == {"numbers": made}
        assert version.verify() == []
        assert old.kept_bytes == version.path("numbers/all.json").stat().st_size

    def test_the_clip_folder_shows_one_version(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        with_added(project, alice, 7)
        folder = clips.folder(clip)
        assert folder.verify() == []
        assert not [path for path in folder.manifest()["files"] if "version" in path]

    def test_so_many_are_kept_as_the_project_says(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        for add in (2, 3, 4):
            with_added(project, alice, add)
        of_layer = LayerRun.objects.kept().filter(layer="numbers")
        assert [row.parameters["add"] for row in of_layer] == [3, 2]
        lying = {path.name for path in (clip.folder / ".versions").iterdir()}
        assert {f"{clip.folder.name}.{row.fingerprint[:32]}" for row in LayerRun.objects.kept()} == lying
        Project.objects.filter(pk=project.pk).update(keep_versions=0)
        with_added(project, alice, 5)
        assert not LayerRun.objects.kept().exists()
        assert not (clip.folder / ".versions").exists()

    def test_a_damaged_result_is_not_kept_as_if_it_were_whole(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        (clip.folder / "numbers/all.json").write_text("[0]")
        with_added(project, alice, 7)
        assert not LayerRun.objects.kept().filter(layer="numbers").exists()
        assert LayerRun.objects.kept().filter(layer="sums").exists()
        assert clips.folder(clip).verify() == []

    def test_a_worker_killed_at_any_file_leaves_a_version_whole_or_none(self, tmp_path: Path) -> None:
        folder = ClipFolder(tmp_path / "clip_1")
        files = [folder.write(f"numbers/{n}.txt", b"old") for n in range(4)]
        said = {"engine": "counter", "version": "1", "parameters": {}}
        folder.commit("numbers", fingerprint="a" * 64, files=files, **said)
        for killed_at in range(4):
            real, count = ClipFolder.writing_path, iter(range(9))

            def dying(*asked: Any, at: int = killed_at, real: Any = real, count: Any = count) -> Any:
                if next(count) == at:
                    raise KeyboardInterrupt
                return real(*asked)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(ClipFolder, "writing_path", dying)
                with pytest.raises(KeyboardInterrupt):
                    versions.keep(folder, "numbers")
            assert not versions.there_is(folder, "numbers", "a" * 64)
            assert folder.verify() == []
        assert versions.keep(folder, "numbers") == ("a" * 64, 12)
        folder.commit("numbers", fingerprint="b" * 64, files=[folder.write("numbers/0.txt", b"new")], **said)
        assert versions.there_is(folder, "numbers", "a" * 64)
        assert folder.version("a" * 64).verify() == []
        (folder.version("a" * 64).root / "numbers/3.txt").write_bytes(b"bad")
        with pytest.raises(ClipFolderError, match="not the file that was written"):
            versions.bring_back(folder, "numbers", "a" * 64)
        assert folder.manifest()["layers"]["numbers"]["fingerprint"] == "b" * 64


@pytest.mark.django_db
class TestGoingBack:
    def test_an_older_version_becomes_current_without_being_computed_and_so_does_what_came_of_it(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = {row.layer: row for row in LayerRun.objects.current().filter(clip=clip)}
        with_added(project, alice, 7)
        Numbers.ran.clear()
        finish(runs.make_current(layer_run=old["numbers"], by=alice, tell=False))
        assert Numbers.ran == {}
        now = {row.layer: row for row in LayerRun.objects.current().filter(clip=clip)}
        assert {layer: row.pk for layer, row in now.items()} == {layer: row.pk for layer, row in old.items()}
        assert {row.state for row in now.values()} == {State.DONE}
        assert now["numbers"].done_at == old["numbers"].done_at
        folder = clips.folder(clip)
        assert first_number(folder) == 1
        assert folder.verify() == []
        assert {row.layer for row in LayerRun.objects.kept()} == {"numbers", "sums", "last"}

    def test_it_stands_until_the_setting_is_changed(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        with_added(project, alice, 7)
        finish(runs.make_current(layer_run=old, by=alice, tell=False))
        compute_all(project, alice)
        assert first_number(clips.folder(clip)) == 1
        assert with_added(project, alice, 9).parameters == {"add": 9}
        assert first_number(clips.folder(clip)) == 9

    def test_going_forth_again_follows_the_setting_and_computes_nothing(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        new = with_added(project, alice, 7)
        finish(runs.make_current(layer_run=old, by=alice, tell=False))
        Numbers.ran.clear()
        finish(runs.make_current(layer_run=new, by=alice, tell=False))
        new.refresh_from_db()
        assert (new.current, new.pinned, new.kept_at, Numbers.ran) == (True, False, None, {})
        assert first_number(clips.folder(clip)) == 7

    def test_setting_a_layer_back_brings_its_version_back(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        with_added(project, alice, 7)
        Numbers.ran.clear()
        with_added(project, alice, 1)
        assert Numbers.ran == {}
        assert first_number(clips.folder(clip)) == 1

    def test_a_version_that_went_missing_says_so_and_the_next_run_computes_by_the_setting(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        with_added(project, alice, 7)
        clips.folder(clip).version(old.fingerprint).path("numbers/all.json").unlink()
        finish(runs.make_current(layer_run=old, by=alice, tell=False))
        old.refresh_from_db()
        assert old.state == State.FAILED
        assert "cannot be brought back" in old.error
        compute_all(project, alice)
        assert first_number(clips.folder(clip)) == 7
        assert clips.folder(clip).verify() == []

    def test_what_is_current_or_gone_is_refused_with_a_sentence(
        self, project: Project, clip: Clip, alice: User, small_layers: dict[str, Layer]
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        with pytest.raises(RunRefused, match="is the current one already"):
            runs.make_current(layer_run=old, by=alice)
        with_added(project, alice, 7)
        assert kept.drop(project=project, kept=LayerRun.objects.kept(), by=alice)[0] == 3
        with pytest.raises(VersionGone, match="not kept any more"):
            runs.make_current(layer_run=old, by=alice)

    def test_one_dropped_after_it_was_asked_for_is_not_computed_by_another_engine(
        self,
        project: Project,
        clip: Clip,
        alice: User,
        small_layers: dict[str, Layer],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        compute_all(project, alice)
        old = LayerRun.objects.get(clip=clip, layer="numbers")
        new = with_added(project, alice, 7)
        run = runs.make_current(layer_run=old, by=alice, tell=False)
        with django_capture_on_commit_callbacks(execute=True):
            kept.drop(project=project, kept=LayerRun.objects.kept(), by=alice)
        finish(run)
        new.refresh_from_db()
        assert (new.current, new.state) == (True, State.DONE)
        assert first_number(clips.folder(clip)) == 7


class Tracks(Numbers):
    """One mask track, whose mask is `add` pixels wide."""

    name = "tracks"
    title = "Tracks"

    def publish(self, context: Context) -> Product:
        clip, wide = context.clip, context.parameters.add
        counts = rle.encode(_mask(clip.height, clip.width, wide))["counts"]
        frames = {str(frame): {"counts": counts, "confidence": 0.9} for frame in range(clip.frame_count)}
        content = {"size": [clip.height, clip.width], "tracks": [{"track_id": 1, "frames": frames}]}
        file = context.folder.write("tracks/masks.json", json.dumps(content).encode())
        item = Proposed(1, "target_object", 0.9, 0, clip.frame_count)
        return Product([file], proposals=Proposals("mask_track", "tracks/masks.json", [item]))


def _mask(height: int, width: int, wide: int) -> Any:
    import numpy as np

    mask = np.zeros((height, width), np.uint8)
    mask[20:40, 10 : 10 + wide] = 1
    return mask


@pytest.mark.django_db
class TestPeoplesWork:
    @pytest.fixture
    def accepted(self, project: Project, clip: Clip, alice: User, bob: User) -> Any:
        """bob has accepted the only proposal of the first version; then a wider one was computed."""
        with only(Tracks):
            with_added(project, alice, 12, "tracks")
            task = tasks.claim(task=Task.objects.get(clip=clip), user=bob)
            proposals.accept(task=task, proposals=[Proposal.objects.get(clip=clip)], by=bob)
            before = _heads(task)
            with_added(project, alice, 30, "tracks")
            yield task, before

    def test_a_new_version_and_going_back_leave_it_as_it_is(self, accepted: Any, clip: Clip, alice: User) -> None:
        task, before = accepted
        assert _heads(task) == before
        [old] = LayerRun.objects.kept()
        finish(runs.make_current(layer_run=old, by=alice, tell=False))
        assert _heads(task) == before
        assert [row.fingerprint for row in Proposal.objects.current()] == [old.fingerprint]
        new = LayerRun.objects.kept().get()
        finish(runs.make_current(layer_run=new, by=alice, tell=False))
        assert _heads(task) == before
        assert [row.fingerprint for row in Proposal.objects.current()] == [new.fingerprint]

    def test_an_edit_is_still_measured_against_the_proposal_it_came_from(self, accepted: Any, clip: Clip) -> None:
        old, new = Proposal.objects.order_by("pk")
        areas = [rle.area(proposal_masks.on_frame(each, 3)) for each in (old, new)]
        assert areas == [20 * 12, 20 * 30]

    def test_masks_of_a_dropped_version_are_none_and_cannot_be_accepted(
        self,
        accepted: Any,
        project: Project,
        clip: Clip,
        alice: User,
        bob: User,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        task, before = accepted
        with django_capture_on_commit_callbacks(execute=True):
            assert kept.drop(project=project, kept=LayerRun.objects.kept(), by=alice)[0] == 1
        assert _heads(task) == before
        old = Proposal.objects.earliest("pk")
        assert not proposal_masks.are_kept(old)
        proposals.reject(task=task, proposals=[old], by=bob)
        with pytest.raises(Refused, match="no longer kept; reload the page"):
            proposals.accept(task=task, proposals=[old], by=bob)


def _heads(task: Task) -> list[tuple[int, str]]:
    heads = MaskRevision.objects.filter(of__task=task, of__head__isnull=False).order_by("of__frame")
    return list(heads.values_list("of__frame", "counts"))
