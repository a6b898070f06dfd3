"""The precision that a library is made in stays with it."""

from pathlib import Path

import pytest

from facesearch import embedding
from facesearch.calibration import load_calibration
from facesearch.core.errors import InputError, ModelMismatchError
from facesearch.library import Library


@pytest.fixture(autouse=True)
def on_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_it_is_kept(tmp_path: Path, precision: str) -> None:
    with Library(tmp_path, device="cpu", model="sface", precision=precision) as made:
        spec = made.spec
    assert spec.precision.partition(":")[0] == precision
    for again in ({}, {"model": "sface"}, {"precision": "auto"}, {"model": "sface", "precision": precision}):
        with Library(tmp_path, device="cpu", **again) as opened:
            assert opened.spec == spec
            assert opened.pipeline.embedder.spec == spec


def test_another_one_is_a_migration(tmp_path: Path) -> None:
    Library(tmp_path, device="cpu", model="sface").close()
    with pytest.raises(ModelMismatchError, match="migrate"):
        Library(tmp_path, device="cpu", precision="float32")
    with Library(tmp_path, device="cpu") as opened:
        opened.migrate(precision="float32")
        assert (opened.spec.name, opened.spec.precision) == ("sface", "float32")


def test_a_library_in_int8_runs_on_the_cpu_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Library(tmp_path, device="cpu", model="sface", precision="int8").close()
    monkeypatch.setattr("facesearch.embedding.precision.pick_device", lambda name: "cuda" if name == "auto" else name)
    with Library(tmp_path) as opened:
        assert opened.pipeline.device == "cpu"
    with Library(tmp_path, device="cuda") as opened, pytest.raises(InputError, match="--precision float32"):
        _ = opened.pipeline


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_no_library_in_float16_is_made_on_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr("facesearch.embedding.precision.pick_device", lambda _: "cpu")
    with pytest.raises(InputError, match="float16 runs on a GPU only"):
        Library(tmp_path / "library", device=device, model="sface", precision="float16")
    assert not (tmp_path / "library").exists()


def test_a_library_in_float16_runs_on_a_gpu_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.embedding.precision.pick_device", lambda name: "cuda" if name == "auto" else name)
    with Library(tmp_path, model="sface", precision="float16") as made:
        assert made.spec.precision == "float16"
    with Library(tmp_path, device="cpu") as opened:
        assert opened.status().faces == 0
        with pytest.raises(InputError, match="--precision float32"):
            _ = opened.pipeline
        opened.migrate(precision="float32")
        assert opened.spec.precision == "float32"


@pytest.mark.parametrize("name", ["sface", "sface+dlib", "dlib"])
def test_a_calibration_holds_in_all_precisions(name: str) -> None:
    exact, *others = (load_calibration(embedding.resolve(name, kind)) for kind in ("float32", "int8", "float16"))
    assert exact is not None
    assert others == [exact, exact]
