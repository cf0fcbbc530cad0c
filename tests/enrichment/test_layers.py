"""Every layer on a short demo scene whose truth is known, through the ledger, as workers do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User

from annotation import clips
from annotation.geometry import rle
from annotation.media.mask_tracks import MaskTracks
from annotation.models import Clip, Project, Proposal
from annotation.scene import SceneSpec, render, write_video
from enrichment import compute, graph, pictures, registry, runs
from enrichment.engines.dis_flow import DisFlow
from enrichment.engines.motion_segmentation import ProposalTracker
from enrichment.errors import RunRefused
from enrichment.events import findings_ready
from enrichment.layers.flow import FlowReader
from enrichment.layers.segmentation import MASKS_FILE
from enrichment.models import LayerRun, Run
from tests.factories import ClipFactory

SPEC = SceneSpec(seed=3, frames=45, width=240, height=176)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scene") / "scene.mp4"
    write_video(SPEC, path)
    return path


@pytest.fixture
def scene_clip(project: Project, alice: User, video: Path) -> Clip:
    return ClipFactory(project=project, by=alice, path=video)


def enriched(clip: Clip, *layers: str) -> Run:
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=layers or None, tell=False)
    runs.plan(run)
    compute.work_here(run)
    failed = list(run.layer_runs.filter(state="failed").values_list("layer", "error"))
    assert not failed, failed
    return run


def read(clip: Clip, relative: str) -> Any:
    return json.loads((clip.folder / relative).read_bytes())


@pytest.mark.django_db
class TestLayers:
    def test_every_layer_leaves_what_it_declares_and_nothing_else(
        self, scene_clip: Clip, django_capture_on_commit_callbacks: Any
    ) -> None:
        heard: list[dict[str, Any]] = []

        def listen(**news: Any) -> None:
            heard.append(news)

        findings_ready.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                enriched(scene_clip)
        finally:
            findings_ready.disconnect(listen)
        folder = clips.folder(scene_clip)
        assert folder.verify() == []
        manifest = folder.manifest()
        for name, layer in registry.every().items():
            row = LayerRun.objects.current().get(clip=scene_clip, layer=name)
            deep = {n for n in layer.inputs if any(registry.get(each).no_engine for each in graph.order([n]))}
            lacking = [needed for needed in layer.inputs if needed in deep]
            if layer.no_engine or lacking:
                assert row.state == LayerRun.State.NO_ENGINE
                assert row.error == (
                    layer.no_engine or f"It needs {' and '.join(lacking)}, and there is no engine for that."
                )
                assert name not in manifest["layers"]
                continue
            if any(registry.get(needed).no_engine for needed in layer.inputs):
                assert row.state == LayerRun.State.BLOCKED
                continue
            assert manifest["layers"][name]["engine"] == layer.engine != ""
            files = [path for path, file in manifest["files"].items() if file["layer"] == name]
            assert sorted(row.files) == sorted(files)
            for output in layer.outputs:
                there = any(Path(path).match(output.path) for path in files)
                assert there or output.on_request, f"{name} did not write {output.path}"
            for path in files:
                assert any(Path(path).match(output.path) for output in layer.outputs), f"{name} wrote {path} unsaid"
        self.check_keyframes_and_embeddings(scene_clip)
        self.check_proposals(scene_clip)
        self.check_that_a_tracker_resumes_as_if_it_had_never_stopped(scene_clip)
        before = list(Proposal.objects.filter(clip=scene_clip).values_list("pk", "superseded"))
        enriched(scene_clip)
        assert list(Proposal.objects.filter(clip=scene_clip).values_list("pk", "superseded")) == before
        assert {news["check"] for news in heard} == {"flow_vs_segmentation", "actions_vs_motion"}

    def check_that_a_tracker_resumes_as_if_it_had_never_stopped(self, clip: Clip) -> None:
        """The layer begins every batch with a new tracker and what the one before left on disk."""
        flow = FlowReader(clips.folder(clip), compute.facts_of(clip))
        tracks = MaskTracks(clips.folder(clip).local(MASKS_FILE))
        tracker = ProposalTracker()
        with clips.reader(clip) as reader:
            for number, picture in reader.iterate():
                whole = tracker.step(picture, flow.read(number - 1) if number else None)
                expected = {each.track_id: rle.encode(each.mask) for each in whole if each.track_id in tracks.labels}
                assert tracks.encoded(number) == expected, f"frame {number}"

    def check_keyframes_and_embeddings(self, clip: Clip) -> None:
        frames = read(clip, "keyframes.json")["frames"]
        assert frames == sorted(set(frames))
        assert {0, clip.frame_count - 1} <= set(frames)
        vectors = np.load(clip.folder / "embeddings/vectors.npy")
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(frames), 682)
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        assert read(clip, "embeddings/frames.json")["frames"] == frames

    def check_proposals(self, clip: Clip) -> None:
        content = read(clip, "segmentation/masks.json")
        assert content["size"] == [SPEC.height, SPEC.width]
        tracks = {track["track_id"]: track for track in content["tracks"]}
        proposed = Proposal.objects.filter(clip=clip, kind="mask_track", superseded=False)
        assert {proposal.number for proposal in proposed} == set(tracks) != set()
        for proposal in proposed:
            frames = sorted(map(int, tracks[proposal.number]["frames"]))
            assert (proposal.start, proposal.end) == (frames[0], frames[-1] + 1)
            some = tracks[proposal.number]["frames"][str(frames[0])]
            rle.validate({"size": content["size"], "counts": some["counts"]}, height=SPEC.height, width=SPEC.width)
        tracking = read(clip, "segmentation/tracking.json")["frames"]
        assert set(tracking) == {str(frame) for frame in range(clip.frame_count)}
        segments = read(clip, "actions/segments.json")["segments"]
        assert {each["id"] for each in segments} == set(
            Proposal.objects.filter(clip=clip, kind="segment", superseded=False).values_list("number", flat=True)
        )
        for segment in segments:
            assert 0 <= segment["start"] < segment["end"] <= clip.frame_count
            assert len(set(segment["descriptions"])) == 3

    def test_flow_agrees_with_the_scene(self, scene_clip: Clip) -> None:
        enriched(scene_clip, "flow")
        reader = FlowReader(clips.folder(scene_clip), compute.facts_of(scene_clip))
        assert len(reader) == SPEC.frames - 1
        assert reader.meta["size"] == [SPEC.height, SPEC.width]
        errors, motions = [], []
        for frame in render(SPEC):
            if frame.index % 15 == 7:
                found = reader.read(frame.index)
                assert found.dtype == np.float32
                moving = frame.flow_valid & (np.linalg.norm(frame.flow, axis=2) > 0.5)
                errors.append(np.linalg.norm(found - frame.flow, axis=2)[moving])
                motions.append(np.linalg.norm(frame.flow, axis=2)[moving])
        error, motion = np.concatenate(errors).mean(), np.concatenate(motions).mean()
        assert error < 0.5 * motion, f"off by {error:.2f} px where things move by {motion:.2f} px"

    def test_flow_can_be_stored_at_another_scale_and_read_at_full_size(self, scene_clip: Clip, alice: User) -> None:
        runs.configure(project=scene_clip.project, layer="flow", parameters={"scale": 0.5}, by=alice)
        enriched(scene_clip, "flow")
        reader = FlowReader(clips.folder(scene_clip), compute.facts_of(scene_clip))
        half, full = reader.read(20), reader.full(20)
        assert half.shape == (88, 120, 2)
        assert full.shape == (176, 240, 2)
        assert np.abs(full[::2, ::2] - 2 * half).mean() < 0.2

    def test_flow_over_other_gaps_lies_in_folders_of_its_own_and_the_first_stays_as_it_was(
        self, scene_clip: Clip, alice: User
    ) -> None:
        enriched(scene_clip, "flow")
        folder = clips.folder(scene_clip)
        first = {path: entry["sha256"] for path, entry in folder.manifest()["files"].items() if path.endswith(".npy")}
        runs.configure(project=scene_clip.project, layer="flow", parameters={"gaps": [29, 4]}, by=alice)
        enriched(scene_clip, "flow")
        files = {path: each for path, each in folder.manifest()["files"].items() if each["layer"] == "flow"}
        assert folder.verify() == []
        assert {path: files[path]["sha256"] for path in first} == first
        assert len(files) == 3 * SPEC.frames - 1 - 4 - 29 + 1
        reader = FlowReader(folder, compute.facts_of(scene_clip))
        assert reader.gaps == {1: SPEC.frames - 1, 4: SPEC.frames - 4, 29: SPEC.frames - 29}
        assert [each["folder"] for each in reader.meta["gaps"]] == ["flow", "flow/gap_4", "flow/gap_29"]
        # Across the border of two batches, too, each array is of exactly its two frames.
        dis = DisFlow()
        with clips.reader(scene_clip) as frames:
            for frame, gap in ((0, 4), (27, 4), (SPEC.frames - 5, 4), (3, 29), (SPEC.frames - 30, 29)):
                expected = dis.flow(frames.read(frame), frames.read(frame + gap))
                assert np.array_equal(reader.read(frame, gap), expected), (frame, gap)
        with pytest.raises(ValueError, match="no flow over 7 frames, only over 1, 4, 29"):
            reader.read(0, 7)
        del reader.meta["gaps"]  # as it was before there were any
        with pytest.raises(ValueError, match="no flow over 4 frames, only over 1;"):
            reader.read(0, 4)
        assert pictures.flow(scene_clip, 10, gap=4) != pictures.flow(scene_clip, 10)
        with pytest.raises(RunRefused, match="no flow over 7 frames"):
            pictures.flow(scene_clip, 10, gap=7)

    @pytest.mark.parametrize("gaps", [[1], [1, 4]])
    def test_a_batch_that_was_stopped_goes_on_where_it_was(
        self, gaps: list[int], scene_clip: Clip, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[int] = []
        known = DisFlow.flow

        def stopped_once(self: DisFlow, before: Any, after: Any) -> Any:
            asked.append(1)
            if len(asked) == 20:
                raise OSError("The disk was away.")
            return known(self, before, after)

        monkeypatch.setattr(DisFlow, "flow", stopped_once)
        runs.configure(project=scene_clip.project, layer="flow", parameters={"gaps": gaps}, by=alice)
        enriched(scene_clip, "flow")
        pairs = sum(SPEC.frames - gap for gap in gaps)
        # What was handed to the engine together with the pair that failed is computed again.
        assert pairs < len(asked) <= pairs + 8, (len(asked), pairs)
        assert clips.folder(scene_clip).verify() == []

    @pytest.mark.parametrize("gaps", [[0], [31], [True], ["4"], 4])
    def test_gaps_that_are_none_are_refused(self, gaps: Any, scene_clip: Clip, alice: User) -> None:
        with pytest.raises(RunRefused, match="whole number"):
            runs.configure(project=scene_clip.project, layer="flow", parameters={"gaps": gaps}, by=alice)

    def test_metadata_can_be_asked_by_column(self, scene_clip: Clip) -> None:
        enriched(scene_clip, "metadata")
        table = pq.read_table(scene_clip.folder / "metadata.parquet")
        assert table["frame"].to_pylist() == list(range(0, SPEC.frames, 5))
        assert set(table["clip_sha256"].to_pylist()) == {scene_clip.sha256}
        content = read(scene_clip, "metadata.json")
        assert content["quality"]["completeness"] == 1.0
        assert 0 < content["quality"]["score"] <= 1
