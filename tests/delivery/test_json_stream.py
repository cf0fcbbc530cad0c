from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery import json_stream
from delivery.json_stream import JsonError, ObjectWriter, elements

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


def walked(content: dict[str, Any]) -> list[tuple[str, Any]]:
    """What a walk must give, said with json alone."""
    told: list[tuple[str, Any]] = []
    for name, value in content.items():
        told += [(name, each) for each in value] if isinstance(value, list) else [(name, value)]
    return told


@given(content=st.dictionaries(st.text(), VALUES), indent=st.sampled_from([None, 1]), piece=st.integers(1, 9))
def test_a_walk_gives_what_json_gives_wherever_the_pieces_end(
    content: dict[str, Any], indent: int | None, piece: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "walked.json"
    path.write_text(json.dumps(content, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_PIECE", piece)
        assert list(elements(path)) == walked(content)


def test_an_object_can_be_walked_too(tmp_path: Path) -> None:
    with ObjectWriter(tmp_path / "a.json") as file:
        file.field("size", [3, 4])
        file.mapping("frames", iter([("0", [1]), ("5", [])]))
        file.array("none", [])
    walk = list(elements(tmp_path / "a.json", mappings=["frames"]))
    assert walk == [("size", 3), ("size", 4), ("frames", ("0", [1])), ("frames", ("5", []))]
    assert json.loads((tmp_path / "a.json").read_text())["frames"] == {"0": [1], "5": []}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a":1', '{"a":[1,]}', '{"a":1}{}', '{"a":1,"a":2}', "{1:2}", '{"a" 1}', '{"a":tru}']
)
def test_what_is_no_object_is_refused_with_the_place(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(JsonError, match=r"a\.json is not readable JSON"):
        list(elements(tmp_path / "a.json"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a":"\xff"}')
    with pytest.raises(JsonError, match="not UTF-8"):
        list(elements(tmp_path / "a.json"))
