from __future__ import annotations

import numpy as np
import numpy.typing as npt

from review import drawing

SIZE = {"height": 40, "width": 60}


def bar(x: int, width: int = 10) -> npt.NDArray[np.bool_]:
    mask = np.zeros((40, 60), bool)
    mask[10:30, x : x + width] = True
    return mask


def colour_at(picture: drawing.Picture, x: int) -> tuple[int, ...]:
    return tuple(int(value) for value in picture[20, x, :3])


def test_who_said_what_is_seen_by_colour() -> None:
    picture = drawing.disagreement({"cup": bar(0), "box": bar(40)}, {"cup": bar(5), "arm": bar(40)}, **SIZE)
    colours = [colour_at(picture, x) for x in (2, 7, 12, 45)]
    assert colours == [drawing.bgr(c) for c in (drawing.ONLY_A, drawing.BOTH, drawing.ONLY_B, drawing.OTHER_LABEL)]
    assert not picture[:, 20:40].any()


def test_what_cannot_be_read_does_not_hide_the_rest() -> None:
    odd = {
        "masks": [{"frame": 0, "counts": "not a mask"}, "nonsense", {"frame": 0}],
        "boxes": [{"frame": 0, "box": [1, 2, 3]}, {"frame": 0, "box": [1e9, 0, 1, 1]}],
        "vectors": [{"frame": 0, "at": [None, 3], "by": [1, 1]}],
        "series": [{"values": [None, None]}, {"values": "rising"}],
    }
    assert not drawing.evidence(odd, 0, **SIZE).any()
    seen = drawing.evidence(odd | {"points": [{"frame": 0, "at": [30, 20]}]}, 0, **SIZE)
    assert colour_at(seen, 30) == drawing.bgr(drawing.POINT)


def test_series_of_one_unit_share_a_scale_and_gaps_stay_gaps() -> None:
    series = [
        {"name": "mask", "unit": "px", "start": 0, "values": [2.0] * 5 + [None] + [2.0] * 6},
        {"name": "flow", "unit": "px", "start": 0, "values": [31.0] * 12},
    ]
    picture = drawing.evidence({"series": series}, 3, height=200, width=240)
    foot = picture[162:].astype(int)
    bluish = foot[..., 0] - foot[..., 2]  # the first series is drawn blue, the second orange
    rows_low, columns_low = np.nonzero(bluish > 60)
    rows_high, _ = np.nonzero(bluish < -60)
    assert rows_low.min() - rows_high.max() > 20
    assert not ((columns_low > 95) & (columns_low < 120)).any()  # frame 5 lies at 4 + 5 * 232 / 11 = 109 px


def test_a_motion_too_small_for_an_arrow_is_a_dot() -> None:
    def extent(by: list[float]) -> int:
        vector = {"frame": 0, "at": [10, 20], "by": by, "kind": "mask"}
        return int(drawing.evidence({"vectors": [vector]}, 0, **SIZE)[..., 3].any(axis=0).sum())

    assert extent([0.5, 0]) < 12
    assert extent([31, 0]) > 31
