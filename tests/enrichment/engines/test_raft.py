"""RAFT against what torchvision computes with the same weights, and the way from a pickle to the layer's files."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from django.core.management import CommandError, call_command  # noqa: E402

from annotation import clips  # noqa: E402
from annotation.models import Clip  # noqa: E402
from enrichment import compute, loading, runs  # noqa: E402
from enrichment.engines.raft import RaftPairs, padding  # noqa: E402
from enrichment.engines.raft_network import Raft  # noqa: E402
from enrichment.errors import EngineInputError  # noqa: E402
from enrichment.layers.flow import FlowEngine, FlowReader  # noqa: E402
from enrichment.models import LayerRun  # noqa: E402
from enrichment.offers.raft import Parameters  # noqa: E402
from tests.enrichment.engines import raft_checkpoints  # noqa: E402

# torchvision 0.28's raft_large and raft_small on these weights and pictures, four iterations: (u, v) at five places,
# then mean and deviation of the whole.
PLACES = ((0, 0), (40, 70), (64, 80), (100, 33), (127, 159))
TORCHVISIONS = {
    "large": (
        [[24.7231, -2.6912], [57.4473, 18.6144], [47.1848, 19.7209], [41.2458, 8.4094], [22.8304, 16.4134]],
        27.755972,
        17.762066,
    ),
    "small": (
        [[8.7315, 20.7686], [-10.6845, 60.1029], [7.7452, 70.8616], [-7.6736, 47.357], [-3.311, 12.6147]],
        32.583401,
        33.258935,
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return raft_checkpoints.save(tmp_path_factory.mktemp("weights") / "tiny").parent


@pytest.fixture
def weights(folder: Path, settings: Any) -> Path:
    settings.WEIGHTS_DIR = folder
    loading.forget()
    return folder


def pictures(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return drawn, np.roll(drawn, 2, axis=1)


@pytest.mark.parametrize("size", ["large", "small"])
def test_the_network_computes_what_torchvisions_does(size: str) -> None:
    network = Raft(size).eval()
    network.load_state_dict(raft_checkpoints.known_weights(network.state_dict()))
    with torch.inference_mode():
        found = network(*raft_checkpoints.known_pictures(), 4)
    places, mean, deviation = TORCHVISIONS[size]
    assert found.shape == (1, 2, 128, 160)
    assert np.allclose([found[0, :, row, column].numpy() for row, column in PLACES], places, atol=0.02)
    assert float(found.mean()) == pytest.approx(mean, abs=0.01)
    assert float(found.std()) == pytest.approx(deviation, abs=0.01)


@pytest.mark.parametrize(("size", "around"), [((360, 640), 0), ((361, 640), 7), ((64, 96), 64), ((129, 128), 7)])
def test_pictures_are_padded_to_what_the_network_can_halve(size: tuple[int, int], around: int) -> None:
    added = padding(*size)
    assert added.top + added.bottom == around
    assert (size[0] + added.top + added.bottom) % 8 == 0
    assert (size[1] + added.left + added.right) % 8 == 0
    assert abs(added.top - added.bottom) <= 1


def test_flow_has_the_size_of_the_pictures_and_does_not_depend_on_its_neighbours(folder: Path) -> None:
    engine = RaftPairs(folder / "tiny")
    assert isinstance(engine, FlowEngine)
    first, second = pictures(130, 150)
    together = engine.flow([(first, second), (second, first)], Parameters(iterations=2))
    assert [each.shape for each in together] == [(130, 150, 2)] * 2
    assert together[0].dtype == np.float32
    alone = engine.flow([(second, first)], Parameters(iterations=2))[0]
    assert np.allclose(alone, together[1], atol=1e-2)
    assert not np.allclose(together[0], together[1], atol=1.0)


def test_weights_of_another_model_are_refused(tmp_path: Path, folder: Path) -> None:
    there = tmp_path / "wrong"
    there.mkdir()
    (there / "model.safetensors").write_bytes((folder / "tiny" / "model.safetensors").read_bytes())
    (there / "config.json").write_text(json.dumps({"model_type": "raft", "size": "large"}))
    with pytest.raises(EngineInputError, match="are not RAFT large"):
        RaftPairs(there)
    (there / "config.json").write_text(json.dumps({"model_type": "raft"}))
    with pytest.raises(EngineInputError, match="RAFT comes as large or small"):
        RaftPairs(there)


class TestConverting:
    @pytest.fixture
    def home(self, tmp_path: Path, settings: Any) -> Path:
        settings.WEIGHTS_DIR = tmp_path / "weights"
        return tmp_path

    def test_a_pickled_state_dict_becomes_safetensors(self, home: Path) -> None:
        known = raft_checkpoints.known_weights(Raft("small").state_dict())
        torch.save(known, home / "raft_small.pth")
        call_command("convert_weights", "raft", str(home / "raft_small.pth"), stdout=StringIO())
        there = home / "weights" / "raft_small"
        assert json.loads((there / "config.json").read_text()) == {"model_type": "raft", "size": "small"}
        RaftPairs(there)
        with pytest.raises(CommandError, match="is there already"):
            call_command("convert_weights", "raft", str(home / "raft_small.pth"))

    def test_a_pickle_that_would_run_something_is_not_run(self, home: Path) -> None:
        class Trap:
            def __reduce__(self) -> tuple[Any, tuple[str]]:
                return (exec, (f"open({str(home / 'sprung')!r}, 'w')",))

        torch.save({"weight": Trap()}, home / "trap.pth")
        with pytest.raises(CommandError, match=r"trap\.pth was not converted: It asks for \S*exec, which is more"):
            call_command("convert_weights", "raft", str(home / "trap.pth"))
        assert not (home / "sprung").exists()
        assert not any((home / "weights").iterdir())

    def test_what_is_no_pickle_is_told_without_advice_to_run_it(self, home: Path) -> None:
        (home / "notes.txt").write_text("These are no weights.\n")
        with pytest.raises(CommandError, match=r"notes\.txt was not converted: It is no pickle of tensors") as refused:
            call_command("convert_weights", "raft", str(home / "notes.txt"))
        assert "weights_only" not in str(refused.value)

    def test_a_conversion_that_takes_too_long_is_told_and_leaves_nothing(
        self, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("enrichment.adopting._SECONDS", 0.01)
        torch.save({"fc.weight": torch.zeros(2, 2)}, home / "slow.pth")
        with pytest.raises(CommandError, match=r"slow\.pth was not converted: it took longer than 0\.01 s"):
            call_command("convert_weights", "raft", str(home / "slow.pth"))
        assert not any((home / "weights").iterdir())

    def test_weights_of_another_model_leave_nothing(self, home: Path) -> None:
        torch.save({"fc.weight": torch.zeros(2, 2)}, home / "other.pth")
        with pytest.raises(CommandError, match="another model than RAFT"):
            call_command("convert_weights", "raft", str(home / "other.pth"))
        assert not any((home / "weights").iterdir())
        with pytest.raises(CommandError, match=r"No engine 'dis' takes converted weights; .*raft, .* would"):
            call_command("convert_weights", "dis", str(home / "other.pth"))


@pytest.mark.django_db
def test_the_layer_is_computed_with_it(weights: Path, clip: Clip) -> None:
    runs.configure(
        project=clip.project, layer="flow", engine="raft:tiny", parameters={"iterations": 2, "gaps": [3]}, by=None
    )
    run = runs.request(project=clip.project, by=clip.added_by, clips=[clip], layers=["flow"], tell=False)
    runs.plan(run)
    compute.work_here(run)
    row = LayerRun.objects.get(runs=run)
    assert (row.state, row.error, row.engine) == ("done", "", "raft:tiny")
    assert row.parameters == {"scale": None, "gaps": [1, 3], "iterations": 2}
    reader = FlowReader(clips.folder(clip), compute.facts_of(clip))
    assert reader.meta["engine"] == "raft:tiny"
    with clips.reader(clip) as frames:
        pairs = [(frames.read(3), frames.read(4)), (frames.read(3), frames.read(6))]
    near, far = RaftPairs(weights / "tiny").flow(pairs, Parameters(iterations=2))
    assert np.allclose(reader.read(3), near, atol=1e-2)
    assert np.allclose(reader.read(3, gap=3), far, atol=1e-2)
    assert not np.allclose(near, far, atol=1e-2), "or the comparison would say nothing"
