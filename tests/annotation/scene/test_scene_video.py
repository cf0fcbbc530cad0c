"""Clips of the scene and clips that number their own frames survive real encoders."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import PictureType

from annotation.scene import (
    SceneSpec,
    describe,
    draw_numbered_picture,
    read_frame_number,
    render,
    write_numbered_video,
    write_video,
)

TINY = SceneSpec(seed=6, frames=16, width=96, height=72, objects=2)


def decode(path: Path) -> tuple[list[np.ndarray], list[float], set[str]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    pictures = [frame.to_ndarray(format="rgb24") for frame in frames]
    return pictures, [float(f.time or 0) for f in frames], {PictureType(f.pict_type).name for f in frames}


def test_a_clip_shows_the_rendered_frames_in_order(tmp_path: Path) -> None:
    kept: list[np.ndarray] = []
    truth = write_video(TINY, tmp_path / "scene.mp4", each=lambda frame: kept.append(frame.image))
    pictures, times, _ = decode(tmp_path / "scene.mp4")
    assert len(pictures) == len(kept) == 16
    assert times == pytest.approx([i / 30 for i in range(16)], abs=1e-4)
    for shown, drawn in zip(pictures, kept, strict=True):
        assert np.abs(shown.astype(int) - drawn).mean() < 6
    assert truth.segments == describe(TINY).segments


def test_the_same_scene_gives_the_same_bytes(tmp_path: Path) -> None:
    write_video(TINY, tmp_path / "one.mp4")
    write_video(TINY, tmp_path / "two.mp4")
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_a_clip_of_odd_size_keeps_its_size(tmp_path: Path) -> None:
    spec = SceneSpec(frames=16, width=75, height=51, objects=1)
    write_video(spec, tmp_path / "odd.mp4", b_frames=0)
    pictures, _, _ = decode(tmp_path / "odd.mp4")
    first = next(render(spec)).image
    assert pictures[0].shape == (51, 75, 3)
    assert np.abs(pictures[0].astype(int) - first).mean() < 6


def test_numbers_are_read_back_from_a_clip_with_b_frames_and_variable_rate(tmp_path: Path) -> None:
    times = [i / 30 + 0.011 * (i % 3) + (0.4 if i > 20 else 0) for i in range(48)]
    write_numbered_video(tmp_path / "n.mp4", frames=48, pts=times, b_frames=3)
    pictures, shown, kinds = decode(tmp_path / "n.mp4")
    assert "B" in kinds
    assert [read_frame_number(p) for p in pictures] == list(range(48))
    assert shown == pytest.approx(times, abs=1e-4)


@pytest.mark.parametrize(
    ("codec", "name"),
    [("mpeg4", "n.mp4"), ("libvpx-vp9", "n.webm"), ("mjpeg", "n.avi"), ("ffv1", "n.mkv"), ("libx264", "n.mov")],
)
def test_numbers_survive_other_codecs_and_odd_sizes(tmp_path: Path, codec: str, name: str) -> None:
    write_numbered_video(tmp_path / name, frames=10, width=101, height=77, codec=codec)
    assert [read_frame_number(p) for p in decode(tmp_path / name)[0]] == list(range(10))


def test_numbers_survive_scaling_and_noise() -> None:
    rng = np.random.default_rng(0)
    for number in (0, 1, 299, 4095, 65535):
        small = cv2.resize(draw_numbered_picture(number, 320, 240), (120, 90), interpolation=cv2.INTER_AREA)
        noisy = np.clip(small + rng.normal(0, 12, small.shape), 0, 255).astype(np.uint8)
        assert read_frame_number(noisy) == number


def test_a_picture_without_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="No frame number"):
        read_frame_number(np.zeros((120, 160, 3), dtype=np.uint8))
    broken = draw_numbered_picture(77, 240, 120)
    broken[100:, 40:50] = 255 - broken[100:, 40:50]
    with pytest.raises(ValueError, match="check bits"):
        read_frame_number(broken)


def test_times_must_increase_and_be_complete(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must increase"):
        write_numbered_video(tmp_path / "n.mp4", frames=3, pts=[0.0, 0.1, 0.1])
    with pytest.raises(ValueError, match="one for each of the 3 frames"):
        write_numbered_video(tmp_path / "n.mp4", frames=3, pts=[0.0, 0.1])
    assert not (tmp_path / "n.mp4").exists()


def test_an_unknown_codec_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no encoder nonesuch"):
        write_numbered_video(tmp_path / "n.mp4", frames=2, codec="nonesuch")
