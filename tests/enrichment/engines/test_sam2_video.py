"""SAM 2 on video, from a tiny checkpoint with random weights: the way and the memory, not the quality."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from enrichment.errors import EngineInputError, UnknownCarrier
from enrichment.propagation import registry
from enrichment.propagation.carrier import Carried, Carrier, Keyframe, Stretch

pytest.importorskip("torch", reason="the packages of engines with weights are optional: make models")
pytest.importorskip("transformers", reason="the packages of engines with weights are optional: make models")

import torch
import transformers

from enrichment.engines import sam2, sam2_video
from tests.enrichment.engines import sam2_checkpoints

HEIGHT, WIDTH = 90, 160
SIDE = sam2_checkpoints.SIDE


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """So small a model only waits for its threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    sam2_checkpoints.save_video_model(folder / "tiny")
    return folder


@pytest.fixture
def carrier(weights: Path) -> Carrier:
    return registry.carrier("sam2:tiny", weights)


def picture(frame: int) -> np.ndarray:
    return np.random.default_rng(frame).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def thing(frame: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    return cv2.circle(mask, (40 + frame, 45), 20, 1, -1) > 0


class Pictures:
    """Random pictures by number; remembers what was asked for."""

    def __init__(self) -> None:
        self.shown: list[int] = []

    def walk(self, first: int, last: int, /) -> Iterator[tuple[int, np.ndarray]]:
        for frame in range(first, last + 1) if last >= first else range(first, last - 1, -1):
            self.shown.append(frame)
            yield frame, picture(frame)


def carried(carrier: Carrier, stretch: Stretch, pictures: Pictures | None = None) -> dict[int, Carried]:
    return {each.frame: each for each in carrier.carry(pictures or Pictures(), stretch)}


def near(frame: int) -> Keyframe:
    return Keyframe(frame, thing(frame))


def logits(weights: Path, keyframes: list[int], came: dict[int, np.ndarray] | None = None) -> torch.Tensor:
    """What the model says of frame 2, before it is cut to a mask."""
    follower = sam2_video.loaded(weights / "tiny").follower(reverse=False)
    for frame in keyframes:
        follower.keyframe(frame, picture(frame), thing(frame))
    for frame, mask in (came or {}).items():
        follower.recall(frame, picture(frame), mask)
    found: torch.Tensor = follower._look(2, picture(2)).pred_masks
    return found


@torch.inference_mode()
def by_the_library(folder: Path, keyframes: list[int], last: int) -> dict[int, np.ndarray]:
    """Masks of the library's own session, which holds all pictures and all answers, from the last keyframe named on."""
    model = transformers.Sam2VideoModel.from_pretrained(folder).eval()
    video = torch.cat([sam2.pixels(picture(frame), SIDE) for frame in range(max(*keyframes, last) + 1)])
    session = transformers.Sam2VideoInferenceSession(video=video, dtype=torch.float32)
    session.obj_id_to_idx(1)
    for frame in keyframes:
        whole = torch.from_numpy(thing(frame))[None, None].float()
        small = torch.nn.functional.interpolate(whole, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        session.add_mask_inputs(0, frame, (small >= 0.5).float())
        session.obj_with_new_inputs = [1]
        model(session, frame_idx=frame)
    start, found = keyframes[-1], {}
    steps = model.propagate_in_video_iterator(session, start, abs(last - start), reverse=last < start)
    for out in steps:
        found[out.frame_idx] = sam2.enlarged(out.pred_masks[0, 0].numpy(), HEIGHT, WIDTH)
    return found


class TestMasks:
    # Longer than the model looks back: an answer that was dropped too early would change what follows.
    @pytest.mark.parametrize(
        ("keyframes", "last"), [([0], 24), ([24], 0), ([24, 0], 22)], ids=["forwards", "backwards", "far keyframe"]
    )
    def test_they_are_the_librarys_own_although_nearly_everything_is_forgotten(
        self, carrier: Carrier, weights: Path, keyframes: list[int], last: int
    ) -> None:
        expected = by_the_library(weights / "tiny", keyframes, last)
        far = near(keyframes[0]) if len(keyframes) > 1 else None
        found = carried(carrier, Stretch(near(keyframes[-1]), last, far))
        assert list(found) == list(Stretch(near(keyframes[-1]), last).frames)
        shares = {frame: each.mask.mean() for frame, each in found.items()}
        assert len(set(shares.values())) > 10, "the masks differ from frame to frame"
        for frame, each in found.items():
            assert (each.mask != expected[frame]).mean() < 0.001, frame
            assert each.final
            assert 0 <= each.confidence <= 1

    def test_the_far_keyframe_is_heeded(self, weights: Path) -> None:
        # Random weights may give the same mask for other logits, so these are compared.
        assert not torch.equal(logits(weights, keyframes=[0]), logits(weights, keyframes=[4, 0]))

    def test_an_object_that_is_not_seen_has_an_empty_mask_and_is_looked_for_to_the_end(self, tmp_path: Path) -> None:
        sam2_checkpoints.save_video_model(tmp_path / "blind", sees=False)
        found = carried(registry.carrier("sam2:blind", tmp_path), Stretch(near(0), 4))
        assert [(each.mask.any(), each.confidence) for each in found.values()] == [(False, 0.0)] * 4

    def test_a_mask_thinner_than_a_pixel_of_the_model_is_still_an_object(self, carrier: Carrier) -> None:
        thin = np.zeros((HEIGHT * 8, WIDTH * 8), bool)
        thin[300:500, 640] = True
        follower = sam2_video.loaded(carrier.folder).follower(reverse=False)  # type: ignore[arg-type]
        assert 0 < float(follower._square(thin).sum()) < SIDE

    def test_an_empty_keyframe_is_refused(self, carrier: Carrier) -> None:
        with pytest.raises(EngineInputError, match="keyframe 0 needs a mask"):
            carried(carrier, Stretch(Keyframe(0, np.zeros((HEIGHT, WIDTH), bool)), 3))


class TestResumption:
    def test_it_goes_on_behind_what_came_and_looks_back_no_further_than_the_model(self, carrier: Carrier) -> None:
        whole = carried(carrier, Stretch(near(0), 14))
        came = {frame: whole[frame] for frame in range(1, 11)}
        pictures = Pictures()
        rest = carried(carrier, Stretch(near(0), 14, came=came), pictures)
        assert list(rest) == [11, 12, 13, 14]
        assert pictures.shown == [0, *range(5, 15)]

    def test_what_came_is_in_its_memory(self, weights: Path) -> None:
        gone = np.zeros((HEIGHT, WIDTH), bool)
        found = [logits(weights, keyframes=[0], came=came) for came in ({}, {1: thing(1)}, {1: gone})]
        assert not torch.equal(found[0], found[1])
        assert not torch.equal(found[1], found[2])

    def test_when_everything_came_nothing_is_looked_at(self, carrier: Carrier) -> None:
        pictures = Pictures()
        came = {frame: Carried(frame, thing(frame), 0.9) for frame in (1, 2)}
        assert carried(carrier, Stretch(near(0), 2, came=came), pictures) == {}
        assert pictures.shown == []


def test_it_holds_no_more_after_200_frames_than_after_20(weights: Path) -> None:
    follower = sam2_video.loaded(weights / "tiny").follower(reverse=False)
    follower.keyframe(0, picture(0), thing(0))
    held = {}
    shown = picture(1)
    for frame in range(1, 201):
        follower.step(frame, shown)
        held[frame] = follower.nbytes
    assert held[20] == held[200]
    assert held[200] < 20 * 3 * SIDE * SIDE * 4, "less than 20 pictures"
    session = follower._session
    answers = session.output_dict_per_obj[0]
    assert (len(answers["cond_frame_outputs"]), len(answers["non_cond_frame_outputs"])) == (1, 15)
    assert not session.processed_frames
    assert not session.frames_tracked_per_obj[0]
    assert not session.cache._vision_features


class TestChoice:
    def test_it_is_offered_where_its_weights_are_and_names_exactly_these(self, weights: Path) -> None:
        assert ("sam2:tiny", "SAM 2 video, tiny") in registry.choices(weights)
        version = registry.carrier("sam2:tiny", weights).version
        assert len(version.split(",")[0]) == 12
        assert len(version) <= 40, "as long as the column"

    def test_weights_for_pictures_alone_are_not_offered_for_video(self, tmp_path: Path) -> None:
        sam2_checkpoints.save_picture_model(tmp_path / "still")
        assert [value for value, _ in registry.choices(tmp_path)] == ["flow", "interpolation"]
        with pytest.raises(UnknownCarrier, match="no weights 'still'"):
            registry.carrier("sam2:still", tmp_path)

    def test_torch_is_not_imported_until_a_mask_is_carried(self, weights: Path) -> None:
        said = (
            "import sys; from pathlib import Path; from enrichment.propagation import registry; "
            f"print(registry.choices(Path({str(weights)!r}))); print('torch' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
        assert "sam2:tiny" in done.stdout
        assert done.stdout.endswith("False\n")


def test_weights_that_lack_a_tensor_are_refused_instead_of_filled_with_random_numbers(tmp_path: Path) -> None:
    sam2_checkpoints.take_one_out(sam2_checkpoints.save_video_model(tmp_path), "mask_decoder.iou_token.weight")
    with pytest.raises(EngineInputError, match=r"lack 1 tensors as Sam2VideoModel .* mask_decoder\.iou_token\.weight"):
        sam2_video.Sam2Video(tmp_path)
