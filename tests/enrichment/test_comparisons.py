"""How far two versions of a layer are apart, by the measure that the field uses for it."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from annotation.geometry import rle
from annotation.media.clip_folder import ClipFolder
from annotation.models import Clip, Project
from enrichment import comparing, comparison, compute, registry, runs
from enrichment.comparison import Comparer, Side
from enrichment.comparisons import actions, boxes, depth, embeddings, flow, pose, segmentation, series, text
from enrichment.engines.boxes import Detection
from enrichment.layers import end_effector
from enrichment.models import Comparison, LayerRun, Run, from_now


def test_every_layer_is_compared_by_what_it_says_of_frames() -> None:
    without = [name for name in registry.every() if type(comparison.of_layer(name)) is Comparer]
    assert without == []


class TestMeasures:
    def test_depths_in_metres_are_compared_by_their_relative_difference(self) -> None:
        old = np.full((8, 8), 2.0, np.float32)
        assert depth.apart(old, old * 1.1, True, True) == pytest.approx(0.1, abs=1e-6)
        unknown = old.copy()
        unknown[:4] = 0
        assert depth.apart(old, unknown, True, True) == 0
        assert depth.apart(old, np.zeros_like(old), True, True) is None

    def test_depths_without_a_scale_are_aligned_first(self) -> None:
        inverse = np.linspace(1, 2, 64, dtype=np.float32).reshape(8, 8)
        assert depth.apart(inverse, 3 * inverse + 5, False, False) == pytest.approx(0, abs=1e-5)
        assert depth.apart(1 / inverse, 3 * inverse + 5, True, False) == pytest.approx(0, abs=1e-5)
        assert depth.apart(inverse, inverse[::-1].copy(), False, False) == pytest.approx(0.17, abs=0.02)

    def test_flows_of_two_sizes_are_compared_in_pixels_of_the_clip(self) -> None:
        small, large = np.zeros((4, 8, 2), np.float32), np.zeros((8, 16, 2), np.float32)
        small[..., 0], large[..., 0] = 1.0, 2.0
        assert flow.end_point_error(small, large, (16, 32)) == pytest.approx(0)
        large[..., 1] += 3
        assert flow.end_point_error(small, large, (16, 32)) == pytest.approx(6)

    def test_a_mask_without_a_partner_counts_as_nothing_in_common(self) -> None:
        left, right = np.zeros((4, 8), np.uint8), np.zeros((4, 8), np.uint8)
        left[:, :4], right[:, 4:] = 1, 1
        a, b = rle.encode(left), rle.encode(right)
        assert segmentation.mean_iou([a, b], [b, a]) == 1
        assert segmentation.mean_iou([a], [a, b]) == 0.5
        assert segmentation.mean_iou([a], [b]) == 0
        assert segmentation.mean_iou([], []) is None

    def test_boxes_agree_when_label_and_place_do(self) -> None:
        cup, lid = Detection("cup", 0.9, (0, 0, 10, 10)), Detection("lid", 0.9, (0, 0, 10, 10))
        moved = Detection("cup", 0.4, (2, 0, 10, 10))
        assert boxes.f1([cup], [moved]) == 1
        assert boxes.f1([cup], [lid]) == 0
        assert boxes.f1([cup, lid], [moved]) == pytest.approx(2 / 3)
        assert boxes.f1([], []) is None
        thin = Detection("cup", 0.9, (5, 0, 0, 10))
        assert boxes.f1([thin, lid], [lid, thin]) == 1

    def test_keypoints_that_only_one_sees_have_no_distance(self) -> None:
        a, b = np.array([[0.0, 0], [10, 10], [np.nan, np.nan]]), np.array([[3.0, 4], [np.nan, np.nan], [1, 1]])
        assert pose.distance(a, b) == 5
        assert pose.distance(a[1:], b[1:]) == float("inf")

    def test_segments_of_another_phase_have_nothing_in_common(self) -> None:
        old = [{"start": 0, "end": 10, "action": "pick", "phase": "lift"}]
        new = [{"start": 5, "end": 15, "action": "pick", "phase": "lift"}]
        assert actions.at_frame(old, new, 7) == pytest.approx(5 / 15)
        assert actions.at_frame(old, new, 2) == 0
        assert actions.at_frame(old, [new[0] | {"phase": "place"}], 7) == 0
        assert actions.at_frame(old, new, 20) is None

    def test_vectors_of_two_spaces_are_compared_by_what_they_are_near_to(self) -> None:
        a = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0].astype(np.float32)[:, :4]
        turned = a @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0].astype(np.float32)
        assert embeddings.neighbourhoods(a, turned) == pytest.approx(np.ones(6), abs=1e-4)
        assert embeddings.neighbourhoods(a, a[::-1].copy()).mean() < 0.9

    def test_texts_tags_and_measures(self) -> None:
        assert text.likeness("A hand lifts a cup.", "a hand lifts a lid.") == pytest.approx(0.8)
        assert text.jaccard({"cup", "hand"}, {"cup"}) == 0.5
        assert series.relative({"sharpness": 100, "noise": 0}, {"sharpness": 80, "noise": 0}) == pytest.approx(0.1)


def test_a_layer_that_says_nothing_of_frames_is_compared_by_its_files(tmp_path: Path) -> None:
    sides = []
    for name, threshold in (("a", 3), ("b", 4)):
        folder = ClipFolder(tmp_path / name)
        folder.write("new/all.json", json.dumps({"threshold": threshold, "kind": "x"}).encode())
        folder.write("new/raw.bin", b"x" * threshold)
        sides.append(Side(registry.get("flow"), folder, ["new/all.json", "new/raw.bin"], Any))  # type: ignore[arg-type]
    found = Comparer().compare(*sides)
    assert [(row.what, row.before, row.after) for row in found.rows] == [
        ("new/all.json.threshold", "3", "4"),
        ("new/raw.bin", "3 bytes", "4 bytes"),
    ]
    assert found.mean is None
    assert "its files are compared" in found.remarks[0]


def test_ways_of_grippers_are_compared_in_pixels_and_what_only_one_has_is_listed(tmp_path: Path) -> None:
    sides = []
    for name, numbers, kind, shift in (("a", [1], "metric", 0.0), ("b", [1, 2], "direction", 5.0)):
        folder = ClipFolder(tmp_path / name)
        pixels = np.zeros((len(numbers), 3, 2), np.float32)
        pixels[0, :, 0] = shift
        pixels[0, 1] = np.nan
        raw = io.BytesIO()
        np.save(raw, pixels)
        folder.write(end_effector.PIXELS_FILE, raw.getvalue())
        tracks = [{"number": number, "label": "gripper"} for number in numbers]
        meta = {"tracks": tracks, "kind": kind, "nothing_because": "" if kind == "metric" else "It is relative."}
        folder.write(end_effector.META_FILE, json.dumps(meta).encode())
        sides.append(Side(registry.get("end_effector"), folder, [], Any))  # type: ignore[arg-type]
    found = comparison.of_layer("end_effector").compare(*sides)
    assert found.values == {0: 5.0, 2: 5.0}
    assert [(row.what, row.before, row.after) for row in found.rows] == [
        ("track", "–", "gripper 2"),
        ("in space", "metric", "direction"),
    ]
    assert found.remarks == ["It is relative."]
    assert comparison.of_layer("end_effector").words(sides[0], 1) == []


@pytest.mark.django_db
class TestOnAClip:
    @pytest.fixture
    def two(self, project: Project, clip: Clip, alice: User) -> tuple[LayerRun, LayerRun]:
        """Flow and metadata by two settings each; the older and the newer flow."""
        for preset, every in (("medium", 2), ("ultrafast", 3)):
            runs.configure(project=project, layer="flow", parameters={"preset": preset}, by=alice)
            runs.configure(project=project, layer="metadata", parameters={"measure_every": every}, by=alice)
            run = runs.request(project=project, by=alice, layers=["flow", "metadata"], tell=False)
            runs.plan(run)
            compute.work_here(run)
        return LayerRun.objects.kept().get(layer="flow"), LayerRun.objects.current().get(layer="flow")

    def test_it_is_written_down_and_added_up_over_the_project(
        self, two: tuple[LayerRun, LayerRun], project: Project
    ) -> None:
        for pair in comparing.missing(project):
            comparing.run(*pair)
        assert comparing.missing(project) == []
        flow_apart = Comparison.objects.get(before=two[0], after=two[1])
        assert flow_apart.error == ""
        assert len(flow_apart.values) == 23
        assert flow_apart.mean == pytest.approx(sum(value for _, value in flow_apart.values) / 23, abs=1e-5)
        assert dict(flow_apart.values)[flow_apart.worst_frame] == max(value for _, value in flow_apart.values)
        assert {each.after.layer for each in comparing.of_project(project)} == {"flow", "metadata"}
        about_metadata = Comparison.objects.get(after__layer="metadata")
        assert [frame for frame, _ in about_metadata.values] == [0, 6, 12, 18]
        assert comparing.told_apart(*two) == ("dis, preset medium", "preset ultrafast")

    def test_a_page_that_looks_every_two_seconds_asks_a_worker_once(
        self,
        two: tuple[LayerRun, LayerRun],
        clip: Clip,
        dana: User,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        sent: list[tuple[Any, ...]] = []
        monkeypatch.setattr("enrichment.queue.send", lambda *given, **_: sent.append(given))
        client = Client()
        client.force_login(dana)
        with django_capture_on_commit_callbacks(execute=True):
            pages = [client.get(f"/clips/{clip.pk}/versions/flow/").content.decode() for _ in range(3)]
        assert all("A worker compares the two versions" in page for page in pages)
        assert sent == [("enrichment.jobs.compare", two[0].pk, two[1].pk)]
        assert not comparing.of_project(clip.project).exists()
        Comparison.objects.update(waiting_since=from_now(-comparing.LOST_AFTER - 1))
        with django_capture_on_commit_callbacks(execute=True):
            comparing.ask(two[0].pk, two[1].pk)
            comparing.ask(two[0].pk, two[1].pk)
        assert len(sent) == 2, "a lost message is made up for, once"
        comparing.run(two[0].pk, two[1].pk)
        assert "A worker compares" not in client.get(f"/clips/{clip.pk}/versions/flow/").content.decode()

    def test_whatever_goes_wrong_is_an_answer(self, two: tuple[LayerRun, LayerRun], clip: Clip) -> None:
        comparing.ask(two[0].pk, two[1].pk)
        shutil.rmtree(clip.folder)
        comparing.run(two[0].pk, two[1].pk)
        row = Comparison.objects.get(before=two[0], after=two[1])
        assert row.error.startswith("The two versions cannot be compared: ")
        LayerRun.objects.filter(pk=two[0].pk).update(kept_at=None)
        comparing.run(two[0].pk, two[1].pk)
        row.refresh_from_db()
        assert "is not kept any more" in row.error

    def test_a_version_is_seen_and_made_current_by_leads_only(
        self, two: tuple[LayerRun, LayerRun], clip: Clip, dana: User, bob: User, mallory: User, api: APIClient
    ) -> None:
        old, new = two
        for person, expected in ((bob, 403), (mallory, 404), (dana, 200)):
            api.force_authenticate(person)
            asked = [f"/api/versions/{old.pk}/frames/3/", f"/api/versions/{old.pk}/frames/3.png"]
            for address in (*asked, f"/api/clips/{clip.pk}/versions/flow/"):
                assert api.get(address).status_code == expected
            made = api.post(f"/api/versions/{old.pk}/current/")
            assert made.status_code == (202 if expected == 200 else expected)
        assert api.get(f"/api/versions/{old.pk}/frames/24/").status_code == 404
        pictures = [api.get(f"/api/versions/{each.pk}/frames/3.png").content for each in two]
        assert pictures[0] != pictures[1]
        listed = api.get(f"/api/clips/{clip.pk}/versions/flow/").json()
        assert [(each["id"], each["current"]) for each in listed] == [(new.pk, True), (old.pk, False)]
        run = Run.objects.latest("pk")
        runs.plan(run)
        compute.work_here(run)
        assert api.post(f"/api/versions/{old.pk}/current/").status_code == 422
