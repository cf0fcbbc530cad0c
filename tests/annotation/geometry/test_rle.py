"""COCO run lengths: sound ones survive the journey, unsound ones are refused with a sentence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from annotation.geometry import rle

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=24))


@settings(max_examples=60, deadline=None)
@given(MASKS)
def test_a_mask_survives_the_journey(mask):
    packed = rle.encode(mask)
    assert (rle.decode(packed) == mask).all()
    assert rle.validate(packed, height=mask.shape[0], width=mask.shape[1]) == packed
    assert rle.area(packed) == mask.sum()
    assert int(rle.run_lengths(packed["counts"]).sum()) == mask.size


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_a_patch_pasted_back_is_the_mask(mask):
    patch = rle.crop(rle.encode(mask))
    assert (rle.paste(patch, height=mask.shape[0], width=mask.shape[1]) == mask).all()


def test_counts_are_column_major():
    mask = np.array([[1, 0], [1, 0]], dtype=np.uint8)
    assert rle.run_lengths(rle.encode(mask)["counts"]).tolist() == [0, 2, 2]


def test_runs_longer_than_one_character_are_read_right():
    mask = np.zeros((720, 1280), dtype=bool)
    mask[100:500, 300:900] = True
    runs = rle.run_lengths(rle.encode(mask)["counts"])
    assert runs[0] == 300 * 720 + 100
    assert set(runs[1::2].tolist()) == {400}


def test_an_id_map_becomes_one_mask_and_not_nonsense():
    assert rle.area(rle.encode(np.array([[0, 7, 7, 9]], dtype=np.uint8))) == 3


def test_the_box_is_tight_and_of_an_empty_mask_nothing():
    mask = np.zeros((10, 12), dtype=bool)
    assert rle.bbox(rle.encode(mask)) == (0, 0, 0, 0)
    mask[2:5, 3:9] = True
    assert rle.bbox(rle.encode(mask)) == (3, 2, 6, 3)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"size": [4, 4], "counts": "4"}, "add up to 4 pixels"),
        ({"size": [4, 4], "counts": "PP1"}, "add up to"),
        ({"size": [4, 4], "counts": "0\u00e9"}, "not RLE"),
        ({"size": [4, 4], "counts": "0 "}, "not RLE"),
        ({"size": [4, 4], "counts": "0P"}, "break off"),
        ({"size": [4, 4], "counts": ""}, "empty"),
        ({"size": [4, 4], "counts": "P" * 12 + "0"}, "larger than any picture"),
        ({"size": [4, 4], "counts": "@`0"}, "negative"),
        ({"size": [4, 4], "counts": [0, 16]}, "uncompressed"),
        ({"size": [4, 4], "counts": b"0`0"}, "bytes"),
        ({"size": [4, 5], "counts": "d0"}, "5 x 4 pixels but the picture is 4 x 4"),
        ({"size": [4.0, 4], "counts": "`0"}, "must be [height, width]"),
        ({"size": [True, 4], "counts": "`0"}, "must be [height, width]"),
        ({"counts": "`0"}, "must be an object"),
        (None, "must be an object"),
    ],
)
def test_it_refuses_what_is_no_mask_with_a_sentence(broken, sentence):
    with pytest.raises(rle.RleError, match=r".") as refusal:
        rle.validate(broken, height=4, width=4)
    assert sentence in str(refusal.value)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=12), st.text(alphabet=[chr(c) for c in range(48, 112)], max_size=12)))
def test_whatever_passes_really_is_a_mask_of_that_size(counts):
    try:
        sound = rle.validate({"size": [4, 4], "counts": counts}, height=4, width=4)
    except rle.RleError:
        return
    assert rle.decode(sound).shape == (4, 4)
    assert rle.area(sound) == int(rle.run_lengths(counts)[1::2].sum())


@pytest.mark.parametrize("box", [[-1, 0, 2, 2], [3, 3, 2, 2], [0, 0, 0, 2], [0, 0, 2], [0.5, 0, 2, 2]])
def test_it_refuses_a_patch_outside_the_picture(box):
    with pytest.raises(rle.RleError):
        rle.paste({"box": box, "counts": "04"}, height=4, width=4)
