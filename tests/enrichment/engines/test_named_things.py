"""Boxes and masks of things that are named in words, from tiny checkpoints with random weights; against the library's
own processors on the same weights."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from annotation import clips  # noqa: E402
from annotation.geometry import rle  # noqa: E402
from annotation.models import Clip, Proposal  # noqa: E402
from enrichment import compute, machine, registry, runs  # noqa: E402
from enrichment.engines import instances, phrases  # noqa: E402
from enrichment.engines.florence2 import Florence2  # noqa: E402
from enrichment.engines.grounding_dino import GroundingDino  # noqa: E402
from enrichment.engines.instances import Instance, Linker  # noqa: E402
from enrichment.engines.parameters import (  # noqa: E402
    AutomaticParameters,
    CaptionParameters,
    ConceptParameters,
    GroundingParameters,
    PhraseParameters,
)
from enrichment.engines.sam2_automatic import Sam2Automatic, grid  # noqa: E402
from enrichment.engines.sam3 import Sam3  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.models import LayerRun  # noqa: E402
from tests.enrichment.engines.runs_of import computed  # noqa: E402

LABELS = ("red_block", "blue_block", "gripper")


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    drawn = np.random.default_rng(0).integers(0, 255, (8, 12, 3), dtype=np.uint8)
    return cv2.resize(drawn, (96, 64), interpolation=cv2.INTER_CUBIC)


class TestPhrases:
    def test_labels_become_one_caption_in_which_each_has_its_place(self) -> None:
        text, where = phrases.spans(LABELS)
        assert text == "red block. blue block. gripper."
        assert [text[start:end] for start, end in where] == ["red block", "blue block", "gripper"]


class TestGroundingDino:
    def test_boxes_are_those_that_the_library_gives(self, vision_weights: Path, picture: np.ndarray) -> None:
        from transformers import AutoModelForZeroShotObjectDetection, AutoTokenizer, GroundingDinoProcessor
        from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
            GroundingDinoImageProcessorPil,
        )

        folder = vision_weights / "grounding-tiny"
        engine = GroundingDino(folder)
        assert engine.working_size(64, 96) == (64, 96)
        ours = engine.detect([picture, picture], GroundingParameters(LABELS, 0.3, 1.0))
        processor = GroundingDinoProcessor(
            GroundingDinoImageProcessorPil.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        )
        model = AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
        inputs = processor(images=picture, text=[phrases.phrase(label) for label in LABELS], return_tensors="pt")
        with torch.inference_mode():
            out = model(**inputs)
        theirs = processor.post_process_grounded_object_detection(out, threshold=0.3, target_sizes=[(64, 96)])[0]
        assert len(ours[0]) > 2
        assert [each.label for each in ours[0]] == [each.label for each in ours[1]]
        known = [
            (float(score), corners.numpy()) for score, corners in zip(theirs["scores"], theirs["boxes"], strict=True)
        ]
        for one in ours[0]:
            x, y, width, height = one.bbox
            near = [
                score
                for score, c in known
                if np.allclose(np.clip(c, 0, [96, 64, 96, 64]), [x, y, x + width, y + height], atol=0.1)
            ]
            # The library also counts the dots between the labels, which are of none.
            assert any(score >= one.confidence - 1e-3 for score in near)

    @pytest.mark.parametrize(
        ("size", "working"), [((720, 1280), (54, 96)), ((640, 640), (64, 64)), ((1280, 720), (96, 54))]
    )
    def test_the_longer_side_has_a_limit(
        self, size: tuple[int, int], working: tuple[int, int], vision_weights: Path
    ) -> None:
        from transformers.image_transforms import get_size_with_aspect_ratio

        assert GroundingDino(vision_weights / "grounding-tiny").working_size(*size) == working
        assert get_size_with_aspect_ratio(size, 64, 96) == working

    def test_a_long_taxonomy_is_asked_in_portions_and_loses_nothing(self, vision_weights: Path) -> None:
        engine = GroundingDino(vision_weights / "grounding-tiny")
        many = [f"red_block_{'a_' * n}b" for n in range(20)]
        portions = engine.portions(many)
        assert len(portions) > 1
        assert [label for portion in portions for label in portion] == many
        with pytest.raises(EngineInputError, match="shorten its key"):
            engine.portions(["a_" * 100 + "b"])


class TestFlorence2:
    def test_answers_are_those_that_the_library_gives(self, vision_weights: Path, picture: np.ndarray) -> None:
        from transformers import AutoTokenizer, Florence2ForConditionalGeneration
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

        folder = vision_weights / "florence-tiny"
        engine = Florence2(folder)
        question = "Describe in detail what is shown in the image."
        (ours, chances), again = engine._answers(engine._seen([picture, picture]), [question] * 2, 12)
        assert again[0] == ours
        assert all(0 <= chance <= 1 for chance in chances)
        assert len(ours) == len(chances) > 1
        words = AutoTokenizer.from_pretrained(folder)
        model = Florence2ForConditionalGeneration.from_pretrained(folder).eval()
        processor = CLIPImageProcessorPil.from_pretrained(folder, do_center_crop=False)
        pixels = processor(images=picture, return_tensors="pt")["pixel_values"]
        tokens = model.get_image_features(pixels).pooler_output.shape[1]
        asked = words("<image>" * tokens + "<s>" + question + "</s>", add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            theirs = model.generate(**asked, pixel_values=pixels, max_new_tokens=12, num_beams=3, do_sample=False)
        assert words.decode(theirs[0], skip_special_tokens=True) == words.decode(ours, skip_special_tokens=True)
        caption = engine.caption([picture], CaptionParameters(most_tokens=12))[0]
        assert caption.text == " ".join(words.decode(ours, skip_special_tokens=True).split())

    def test_location_tokens_become_the_boxes_that_the_library_reads(self, vision_weights: Path) -> None:
        from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

        engine = Florence2(vision_weights / "florence-tiny")
        answer = "red block<loc_100><loc_200><loc_300><loc_400><loc_5><loc_6><loc_700><loc_800>gripper<loc_1>"
        tokens = engine._words(answer, add_special_tokens=False)["input_ids"]
        chances = [0.5] * len(tokens)
        found = engine._boxes("red_block", tokens, chances, (64, 96))
        library = Florence2PostProcessor({"phrase_grounding": {}}, engine._words)
        theirs = library.parse_phrase_grounding_from_text_and_spans(answer, image_size=(96, 64))
        assert [each.confidence for each in found] == [pytest.approx(0.5)] * 2
        for one, corners in zip(found, theirs[0]["bbox"], strict=True):
            x, y, width, height = one.bbox
            # The library cuts to whole pixels.
            assert [math.floor(value + 1e-9) for value in (x, y, x + width, y + height)] == corners

    def test_detections_are_of_the_labels_that_were_asked_for(self, vision_weights: Path, picture: np.ndarray) -> None:
        engine = Florence2(vision_weights / "florence-tiny")
        found = engine.detect([picture], PhraseParameters(("red_block",), 0.0, 1.0, most_tokens=8))
        assert {each.label for each in found[0]} <= {"red_block"}


def square(x: int, y: int, side: int = 10, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


class TestLinking:
    FLOW = np.full((64, 96, 2), 2.0, np.float32)

    def test_a_mask_goes_along_with_the_flow_and_keeps_its_number_when_seen_again(self) -> None:
        linker = Linker()
        first = linker.step(None, [Instance("cup", 0.9, square(10, 10)), Instance("bowl", 0.8, square(40, 10))])
        assert [each.track_id for each in first] == [1, 2]
        carried = linker.step(self.FLOW, None)
        assert np.array_equal(carried[0].instance.mask, square(12, 12))
        assert carried[0].instance.confidence < 0.9
        again = linker.step(self.FLOW, [Instance("bowl", 0.7, square(43, 14)), Instance("cup", 0.6, square(15, 14))])
        assert {each.instance.label: each.track_id for each in again} == {"cup": 1, "bowl": 2}

    def test_what_has_another_label_or_lies_elsewhere_is_something_new(self) -> None:
        linker = Linker()
        linker.step(None, [Instance("cup", 0.9, square(10, 10))])
        seen = linker.step(self.FLOW, [Instance("bowl", 0.9, square(12, 12)), Instance("cup", 0.9, square(70, 40))])
        assert {each.track_id: each.instance.label for each in seen} == {1: "cup", 2: "bowl", 3: "cup"}

    def test_what_is_missed_twice_is_gone(self) -> None:
        linker = Linker()
        linker.step(None, [Instance("cup", 0.9, square(10, 10))])
        assert len(linker.step(self.FLOW, [])) == 1
        assert linker.step(self.FLOW, []) == []

    def test_it_goes_on_from_its_state_as_if_it_had_never_stopped(self) -> None:
        def steps() -> list[tuple[Any, Any]]:
            found = [Instance("", 0.9, square(10, 10)), Instance("cup", 0.8, square(50, 20))]
            return [
                (None, found),
                (self.FLOW, None),
                (self.FLOW, [Instance("cup", 0.7, square(54, 24))]),
                (self.FLOW, []),
            ]

        whole = Linker()
        expected = [whole.step(*each) for each in steps()]
        for cut in (1, 2, 3):
            first, second = Linker(), Linker()
            for each in steps()[:cut]:
                first.step(*each)
            second.restore(first.state())
            for each, then in zip(steps()[cut:], expected[cut:], strict=True):
                now = second.step(*each)
                assert [(one.track_id, one.instance.label, one.instance.confidence, one.missed) for one in now] == [
                    (one.track_id, one.instance.label, one.instance.confidence, one.missed) for one in then
                ]
                assert all(np.array_equal(a.instance.mask, b.instance.mask) for a, b in zip(now, then, strict=True))

    def test_of_masks_that_overlap_the_surest_stays(self) -> None:
        masks = [square(0, 0), square(1, 0), square(30, 0)]
        assert instances.thinned(masks, [0.5, 0.9, 0.1], 0.5) == [1, 2]


class TestSam:
    def test_the_grid_covers_the_picture_evenly(self) -> None:
        assert grid(2).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]

    def test_masks_are_good_different_and_of_the_pictures_size(self, vision_weights: Path, picture: np.ndarray) -> None:
        engine = Sam2Automatic(vision_weights / "sam2-tiny")
        loose = AutomaticParameters(points_per_side=3, mask_confidence=0.0, stability=0.0, least_share=0.0)
        found = engine.segment([picture], loose)[0]
        assert found
        assert all(each.mask.shape == (64, 96) and each.mask.dtype == bool for each in found)
        assert [each.confidence for each in found] == sorted((each.confidence for each in found), reverse=True)
        strict = AutomaticParameters(points_per_side=3, mask_confidence=1.0)
        assert engine.segment([picture], strict)[0] == []

    def test_looking_once_for_all_phrases_finds_what_the_model_finds_in_one_call(self, vision_weights: Path) -> None:
        from transformers import AutoTokenizer, Sam3Model

        # The library's processor needs torchvision, so its arithmetic is done here, on a picture of the model's size.
        drawn = np.random.default_rng(1).integers(0, 255, (112, 112, 3), dtype=np.uint8)
        folder = vision_weights / "sam3-tiny"
        ours = Sam3(folder).segment([drawn], ConceptParameters(("red_block",), 0.1, 1.0))[0]
        words = AutoTokenizer.from_pretrained(folder)
        asked = words("red block", return_tensors="pt", padding="max_length", max_length=32)
        pixels = (torch.from_numpy(drawn.transpose(2, 0, 1))[None].float() / 255 - 0.5) / 0.5
        with torch.inference_mode():
            out = Sam3Model.from_pretrained(folder).eval()(
                pixel_values=pixels, input_ids=asked["input_ids"], attention_mask=asked["attention_mask"]
            )
        scores = (out.pred_logits.sigmoid() * out.presence_logits.sigmoid())[0]
        soft = torch.nn.functional.interpolate(out.pred_masks.sigmoid(), size=(112, 112), mode="bilinear")[0]
        expected = {
            round(float(score), 4): int((mask > 0.5).sum())
            for score, mask in zip(scores, soft, strict=True)
            if score > 0.1
        }
        assert len(ours) > 1
        for one in ours:
            assert expected[round(one.confidence, 4)] == pytest.approx(int(one.mask.sum()), abs=2)

    def test_a_checkpoint_for_video_is_the_same_for_pictures(self, vision_weights: Path, tmp_path: Path) -> None:
        """The published weights are laid out so: the detector beside a tracker, under a name of its own."""
        from safetensors.torch import load_file, save_file

        alone = vision_weights / "sam3-tiny"
        both = Path(shutil.copytree(alone, tmp_path / "both"))
        tensors = {f"detector_model.{name}": each for name, each in load_file(alone / "model.safetensors").items()}
        tensors["tracker_model.memory"] = torch.zeros(2)
        save_file(tensors, both / "model.safetensors", metadata={"format": "pt"})
        config = {
            "model_type": "sam3_video",
            "detector_config": json.loads((alone / "config.json").read_text()),
            "tracker_config": {"model_type": "sam3_tracker_video"},
        }
        (both / "config.json").write_text(json.dumps(config))
        drawn = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
        asked = ConceptParameters(("red_block",), 0.1, 1.0)
        first, other = (Sam3(folder).segment([drawn], asked)[0] for folder in (alone, both))
        assert len(first) == len(other) > 0
        assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first, other, strict=True))


def test_every_engine_is_timed_at_what_its_layer_asks_of_it(weights_here: Path, tmp_path: Path) -> None:
    layers = {"segmentation", "detections", "captions"}
    rows = [row for row in machine.report(weights_here, tmp_path / "speeds") if row.offer.layer in layers]
    timed = {one.found.value: one for one in machine.measure(rows, weights_here, tmp_path / "speeds")}
    assert {*timed} == {"sam2:sam2-tiny", "sam3:sam3-tiny", "grounding_dino:grounding-tiny", "florence2:florence-tiny"}
    assert not [one.error for one in timed.values() if one.error]
    for row in machine.report(weights_here, tmp_path / "speeds"):
        assert row.offer.layer not in layers or all(each.speed for each in row.found) or row.offer.remote


@pytest.mark.django_db
class TestLayers:
    @pytest.mark.parametrize("engine", ["grounding_dino:grounding-tiny", "florence2:florence-tiny"])
    def test_detections_are_boxes_of_the_projects_labels_by_keyframe(
        self, engine: str, short_clip: Clip, weights_here: Path
    ) -> None:
        parameters: dict[str, Any] = {"box_confidence": 0.0}
        if engine.startswith("florence"):
            parameters["most_tokens"] = 8
        computed(short_clip, {"detections": engine}, {"detections": parameters})
        content = json.loads((short_clip.folder / "detections/detections.json").read_text())
        keyframes = json.loads((short_clip.folder / "keyframes.json").read_text())["frames"]
        assert sorted(map(int, content["frames"])) == keyframes
        labels = set(short_clip.project.label_keys)
        for found in content["frames"].values():
            for one in found:
                assert one["label"] in labels
                assert 0 <= one["confidence"] <= 1
                x, y, width, height = one["bbox"]
                assert x >= 0 <= y
                assert x + width <= 96.01
                assert y + height <= 64.01
        row = LayerRun.objects.current().get(layer="detections")
        assert tuple(row.parameters["labels"]) == short_clip.project.label_keys
        drawn = registry.get("detections").overlay(clips.folder(short_clip), compute.facts_of(short_clip), keyframes[0])
        assert drawn is not None
        assert drawn.shape == (64, 96, 4)

    def test_a_new_label_is_looked_for_by_the_next_run(self, short_clip: Clip, weights_here: Path) -> None:
        computed(short_clip, {"detections": "grounding_dino:grounding-tiny"})
        before = LayerRun.objects.current().get(layer="detections").fingerprint
        short_clip.project.labels.create(key="kettle")
        computed(short_clip, {"detections": "grounding_dino:grounding-tiny"})
        row = LayerRun.objects.current().get(layer="detections")
        assert row.fingerprint != before
        assert "kettle" in row.parameters["labels"]

    def test_a_project_without_labels_is_told_so(
        self, short_clip: Clip, weights_here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enrichment.leases.MOST_ATTEMPTS", 1)
        short_clip.project.labels.update(retired=True)
        runs.configure(project=short_clip.project, layer="detections", engine="grounding_dino:grounding-tiny", by=None)
        run = runs.request(
            project=short_clip.project, by=short_clip.added_by, layers=["detections"], tell=False, retry=False
        )
        runs.plan(run)
        compute.work_here(run)
        assert "has no labels to look for" in LayerRun.objects.get(runs=run, layer="detections").error

    @pytest.mark.parametrize(
        ("engine", "parameters"),
        [
            ("sam2:sam2-tiny", {"points_per_side": 2, "mask_confidence": 0.0, "stability": 0.0}),
            ("sam3:sam3-tiny", {"mask_confidence": 0.15}),
        ],
    )
    def test_masks_are_proposed_with_tracks(
        self, engine: str, parameters: dict[str, Any], short_clip: Clip, weights_here: Path
    ) -> None:
        computed(
            short_clip,
            {"segmentation": engine},
            {"segmentation": parameters | {"look_every": 2, "least_confidence": 0.0}},
        )
        content = json.loads((short_clip.folder / "segmentation/masks.json").read_text())
        assert content["engine"].startswith(f"{engine} ")
        assert content["tracks"]
        for track in content["tracks"]:
            assert (
                (track["label"] in short_clip.project.label_keys) if engine.startswith("sam3") else not track["label"]
            )
            for mask in track["frames"].values():
                rle.validate({"size": content["size"], "counts": mask["counts"]}, height=64, width=96)
        proposed = Proposal.objects.filter(clip=short_clip, kind="mask_track", superseded=False)
        assert {each.number for each in proposed} == {track["track_id"] for track in content["tracks"]}
        assert {each.engine.split()[0] for each in proposed} == {engine}
        # What the layer calls too unsure is proposed by no engine.
        computed(short_clip, {"segmentation": engine}, {"segmentation": parameters | {"least_confidence": 1.0}})
        assert json.loads((short_clip.folder / "segmentation/masks.json").read_text())["tracks"] == []
        # The weight-free engine's proposals come back when a project goes back to it.
        computed(short_clip, {"segmentation": ""})
        assert (
            clips.folder(short_clip).manifest()["layers"]["segmentation"]["engine"]
            == registry.get("segmentation").engine
        )
