"""int8 where it was measured and gains, float16 where it is asked for on a GPU, and never one for the other."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from facesearch.core.errors import InputError, WeightsError
from facesearch.core.settings import ModelSpec
from facesearch.embedding import device_for, load_embedder, precision, resolve

NAMES = ("sface", "dlib", "sface+dlib")


@pytest.fixture
def on_x86(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("on_x86")
def test_int8_is_taken_on_cpus_that_gain(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert resolve(name, device="cpu").is_int8
    assert resolve(name, "auto", "cpu") == resolve(name, "int8") == resolve(name, None, "cpu")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    assert resolve(name, device="cpu") == resolve(name, "float32")
    assert resolve(name, "int8").is_int8  # who asks for it gets it


@pytest.mark.usefixtures("on_x86")
def test_gpus_get_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "pick_device", lambda name: "cuda")
    assert resolve("sface", None, "auto").precision == "float32"


def test_fingerprints_say_the_precision_and_old_ones_stay() -> None:
    assert resolve("dlib", "float32").fingerprint == "f1813b1b5d3e69e2"  # as in every library before int8
    one, other = resolve("dlib", "int8"), replace(resolve("dlib", "int8"), precision="int8:00000000")
    assert len({one.fingerprint, other.fingerprint, one.in_float32.fingerprint}) == 3
    assert one.in_float32 == resolve("dlib", "float32")
    assert '"precision"' in one.to_json()
    old = one.in_float32.to_json().replace(', "precision": "float32"', "")
    assert "precision" not in old
    assert ModelSpec.from_json(old) == one.in_float32


@pytest.mark.parametrize("name", NAMES)
def test_both_precisions_see_the_same_faces(name: str, astronaut: NDArray[np.uint8]) -> None:
    spec = resolve(name, "float32")
    height, width = spec.preprocessing.size
    crops = [astronaut[top : top + height, 130 : 130 + width] for top in (20, 40, 60)]
    exact, fast = (load_embedder(resolve(name, kind), "cpu").embed(crops) for kind in ("float32", "int8"))
    cosines = (exact * fast).sum(axis=1)
    assert cosines.min() > 0.98
    assert (exact != fast).any()


def test_company_changes_no_bit() -> None:
    embedder = load_embedder(resolve("sface+dlib", "int8"), "cpu")
    crops = list(np.random.default_rng(0).integers(0, 256, (5, *embedder.spec.preprocessing.size, 3), np.uint8))
    assert (embedder.embed(crops) == np.concatenate([embedder.embed([crop]) for crop in crops])).all()


def test_processors_without_vnni_give_the_same_embeddings(tmp_path: Path) -> None:
    program = (
        "import numpy as np\n"
        "from facesearch.embedding import load_embedder, resolve\n"
        "embedder = load_embedder(resolve('sface+dlib', 'int8'), 'cpu')\n"
        "crops = np.random.default_rng(0).integers(0, 256, (3, *embedder.spec.preprocessing.size, 3), np.uint8)\n"
        "print(embedder.embed(list(crops)).tobytes().hex())\n"
    )
    found = set()
    for limit in ({}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}):
        surroundings = {**os.environ, "FACESEARCH_CACHE": str(tmp_path), **limit}
        done = subprocess.run(
            [sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_int8_on_another_device_is_refused_in_one_line(device: str) -> None:
    with pytest.raises(InputError, match=rf"runs on the CPU only, not on {device}: use --device cpu, or .*migrate"):
        load_embedder(resolve("sface", "int8"), device)
    assert device_for(resolve("sface", "int8"), "auto") == "cpu"


def test_float16_is_taken_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "pick_device", lambda name: "cuda")
    spec = resolve("sface+dlib", "float16", "cuda")
    assert (spec.precision, spec.is_float16, spec.is_int8) == ("float16", True, False)
    assert spec.fingerprint not in (spec.in_float32.fingerprint, resolve("sface+dlib", "int8").fingerprint)
    assert spec.in_float32 == resolve("sface+dlib", "float32")
    assert resolve("sface+dlib", spec.precision, "cuda") == spec
    assert device_for(spec, "auto") == "cuda"


@pytest.mark.parametrize("device", ["cpu", "auto"])
def test_float16_on_the_cpu_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    monkeypatch.setattr(precision, "pick_device", lambda name: "cpu")
    with pytest.raises(
        InputError, match=r"sface in float16 runs on a GPU only, .* use --device cuda, .*migrate"
    ) as error:
        load_embedder(resolve("sface", "float16"), device)
    assert "\n" not in str(error.value)


def test_an_onnx_file_does_not_run_in_float16(tmp_path: Path) -> None:
    from embedding_samples import write_model

    with pytest.raises(InputError, match=r"tiny\.onnx cannot run in float16"):
        resolve(str(write_model(tmp_path / "tiny.onnx")), "float16", "cuda")


def test_what_cannot_be_meant() -> None:
    with pytest.raises(InputError, match="unknown precision 'int4': use auto, float32, int8, float16"):
        resolve("sface", "int4")


def test_models_without_ranges_run_in_float32_only(tmp_path: Path) -> None:
    from embedding_samples import write_model

    path = str(write_model(tmp_path / "tiny.onnx"))
    assert resolve(path).precision == "float32"
    with pytest.raises(InputError, match=r"tiny\.onnx cannot run in int8"):
        resolve(path, "int8")


def test_other_ranges_are_refused() -> None:
    with pytest.raises(WeightsError, match="another version of facesearch"):
        load_embedder(replace(resolve("sface", "int8"), precision="int8:00000000"), "cpu")
