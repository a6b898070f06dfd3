"""Compiled networks in the cache: the same results, and never those of another network, version or processor."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facesearch.core import kept_networks
from facesearch.core.openvino_cpu import CompiledNetwork, convolution, graph_input, openvino

X = np.random.default_rng(0).normal(size=(3, 4, 9, 9)).astype(np.float32)


class Maker:
    """A small graph, and how often it was made."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.count = seed, 0

    def __call__(self) -> Any:
        self.count += 1
        op, x = graph_input([2, 4, 9, 9])
        filters = np.random.default_rng(self.seed).normal(size=(5, 4, 3, 3)).astype(np.float32)
        return openvino().Model([op.relu(convolution(op, x, filters, np.ones(5, np.float32)))], [x], "small")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


def test_a_kept_network_gives_the_same_bits_and_is_not_made_again(folder: Path) -> None:
    made, again = Maker(), Maker()
    expected = CompiledNetwork(Maker()())(X)[0]
    assert (CompiledNetwork(made, "small/1")(X)[0] == expected).all()
    assert (CompiledNetwork(again, "small/1")(X)[0] == expected).all()
    assert (made.count, again.count) == (1, 0)
    (kept,) = folder.iterdir()
    assert os.name == "nt" or (kept.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_without_a_name_nothing_is_kept(folder: Path) -> None:
    CompiledNetwork(Maker()())
    assert not folder.exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:],
        lambda content: b"",
        # its hash fits, and OpenVINO cannot read it
        lambda content: kept_networks.hashlib.sha256(b"else").digest() + b"else",
    ],
    ids=["cut off", "one bit", "empty", "something else"],
)
def test_a_damaged_file_is_made_again(folder: Path, damage: Any) -> None:
    expected = CompiledNetwork(Maker(), "small/1")(X)[0]
    (kept,) = folder.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    made = Maker()
    assert (CompiledNetwork(made, "small/1")(X)[0] == expected).all()
    assert made.count == 1


def test_another_network_is_another_and_the_latest_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_networks, "KEPT", 2)
    for kept_as in ("small/0", "small/1", "smaller/1"):
        CompiledNetwork(Maker(), kept_as)(X)
    made, again = Maker(seed=1), Maker()
    assert (CompiledNetwork(made, "small/2")(X)[0] == CompiledNetwork(Maker(seed=1)())(X)[0]).all()
    assert made.count == 1
    assert sorted(path.name.rpartition("-")[0] for path in folder.iterdir()) == ["small", "small", "smaller"]
    CompiledNetwork(again, "small/1")(X)
    assert again.count == 0


def test_other_code_another_processor_and_other_settings_make_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Maker()
    for module, name, value in (
        (kept_networks, "_code", lambda: "changed"),
        (kept_networks, "_processor", lambda core: ["another"]),
    ):
        CompiledNetwork(made, "small/1")(X)
        before = made.count
        with monkeypatch.context() as changed:
            changed.setattr(module, name, value)
            CompiledNetwork(made, "small/1")(X)
        assert made.count == before + 1, name
    before = made.count
    monkeypatch.setitem(CompiledNetwork.__init__.__globals__["_SETTINGS"], "INFERENCE_PRECISION_HINT", "bf16")
    CompiledNetwork(made, "small/1")(X)
    assert made.count == before + 1


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "file"))
    made = Maker()
    for _ in range(2):
        assert CompiledNetwork(made, "small/1")(X)[0].shape == (3, 5, 7, 7)
    assert made.count == 2


def test_code_that_makes_networks_is_known_by_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(kept_networks, "PACKAGE", tmp_path)
    (tmp_path / "core").mkdir()
    seen = set()
    for text in ("a = 1", "a = 22"):
        (tmp_path / "core" / "graphs.py").write_text(text)
        kept_networks._code.cache_clear()
        seen.add(kept_networks._code())
    kept_networks._code.cache_clear()
    assert len(seen) == 2
