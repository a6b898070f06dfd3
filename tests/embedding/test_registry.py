"""The registry: names, devices, templates."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from facesearch.core.device import pick_device
from facesearch.core.errors import InputError, ModelError, WeightsError
from facesearch.core.weights import cache_dir
from facesearch.embedding import available, download, load_embedder, load_network, resolve
from facesearch.embedding.registry import BUILT_IN
from facesearch.embedding.templates import FACENET_160, arcface_template, dlib_template


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FACESEARCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def test_names_are_resolved_without_torch() -> None:
    code = "import sys; from facesearch.embedding import *; resolve('dlib'), available(); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"no model 'arcface'.*sface\+dlib, dlib, sface, facenet-.*\.onnx"):
        resolve("arcface")


@pytest.mark.parametrize("name", ["mine.onnx", "mine.safetensors"])
def test_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=f"no .* at .*{name}"):
        resolve(str(tmp_path / name))


def test_missing_weights_say_where_and_how(empty_cache: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        resolve("facenet-vggface2")
    assert str(empty_cache / "20180402-114759-vggface2.pt") in str(caught.value)
    assert "facesearch models --download facenet-vggface2" in str(caught.value)


def test_available_lists_what_is_ready(empty_cache: Path) -> None:
    models = {model.name: model for model in available()}
    assert list(models) == ["sface+dlib", "dlib", "sface", "facenet-vggface2", "facenet-casia"]
    assert models["dlib"].ready
    assert models["dlib"].note == ""
    assert not models["facenet-casia"].ready
    assert models["facenet-casia"].where == empty_cache / "20180408-102900-casia-webface.pt"
    assert "not downloaded" in models["facenet-casia"].note


def test_half_a_file_is_not_ready(empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / "20180402-114759-vggface2.pt").write_bytes(b"half")
    assert [model.ready for model in available() if model.name == "facenet-vggface2"] == [False]


def test_cache_is_the_platforms_unless_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACESEARCH_CACHE")
    assert cache_dir().name == "models"
    assert "facesearch" in cache_dir().parts


def test_download_of_what_needs_none_or_cannot_be() -> None:
    assert download("dlib") == BUILT_IN["dlib"].weights.path
    with pytest.raises(WeightsError, match="no hash of it was published"):
        download("facenet-casia")
    with pytest.raises(ModelError, match="no model 'arcface'"):
        download("arcface")


def fake_package(folder: Path, data: bytes) -> None:
    """A face_recognition_models that cannot be imported, as the real one without pkg_resources."""
    models = folder / "face_recognition_models" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise ImportError('pkg_resources')\n")
    (models / "dlib_face_recognition_resnet_model_v1.dat").write_bytes(data)


def test_weights_are_found_without_importing_their_package_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = BUILT_IN["dlib"].weights.path
    assert original is not None
    data = bytearray(original.read_bytes())
    data[-1000] ^= 1  # one bit of one weight
    fake_package(tmp_path, bytes(data))
    monkeypatch.syspath_prepend(tmp_path)
    spec = resolve("dlib")
    for load in (load_embedder, load_network):
        with pytest.raises(WeightsError, match="not the expected file"):
            load(spec, "cpu")


def test_weights_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install face-recognition-models"):
        resolve("dlib")
    assert available()[1].where is None


# --- devices


@pytest.mark.parametrize(
    ("cuda_count", "mps", "chosen"), [(2, True, "cuda"), (2, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_the_fastest_device(
    monkeypatch: pytest.MonkeyPatch, cuda_count: int, mps: bool, chosen: str
) -> None:
    set_devices(monkeypatch, cuda_count, mps)
    monkeypatch.setattr("facesearch.core.device.DRIVERS", (os.devnull,))  # the driver of some GPU is there
    assert pick_device("auto") == chosen
    assert pick_device("cpu") == "cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch is always asked")
def test_auto_asks_pytorch_only_where_there_is_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    set_devices(monkeypatch, cuda_count=1, mps=False)
    monkeypatch.setattr("facesearch.core.device.DRIVERS", ("/dev/there-is-no-such-device",))
    assert pick_device("auto") == "cpu"
    assert pick_device("cuda") == "cuda"


def test_devices_that_are_there_keep_their_name(monkeypatch: pytest.MonkeyPatch) -> None:
    set_devices(monkeypatch, cuda_count=2, mps=True)
    assert [pick_device(name) for name in ("cuda", "cuda:1", "mps")] == ["cuda", "cuda:1", "mps"]


@pytest.mark.parametrize(("name", "cuda_count"), [("cuda", 0), ("cuda:2", 2), ("mps", 0)])
def test_devices_that_are_not_there(monkeypatch: pytest.MonkeyPatch, name: str, cuda_count: int) -> None:
    set_devices(monkeypatch, cuda_count, mps=False)
    with pytest.raises(InputError, match=f"no {name} device"):
        pick_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", ""])
def test_unknown_devices(name: str) -> None:
    with pytest.raises(InputError):
        pick_device(name)


def set_devices(monkeypatch: pytest.MonkeyPatch, cuda_count: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda_count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda_count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


# --- templates


def test_dlib_template_by_hand() -> None:
    # padding 0.25 at 150 px: one unit is 100 px, and the unit square begins at 25; the first pixel's centre is at 0.5
    left_eye, right_eye, *_ = dlib_template(150, padding=0.25)
    assert left_eye == pytest.approx((25 + 22.55 - 0.5, 25 + 21.60 - 0.5))
    assert right_eye == pytest.approx((25 + 75.48 - 0.5, 25 + 21.60 - 0.5))


def test_arcface_template_for_its_shapes() -> None:
    square, sphereface = np.array(arcface_template(112, 112)), np.array(arcface_template(112, 96))
    np.testing.assert_allclose(square - sphereface, [[8, 0]] * 5, atol=1e-9)
    # Doubling the crop puts the middle between two old pixel centres, 0.5, on 1.5.
    np.testing.assert_allclose(np.array(arcface_template(224, 224)), 2 * square + 0.5, atol=1e-3)
    assert arcface_template(112, 100) is None


@pytest.mark.parametrize(
    ("template", "width"), [(dlib_template(150, 0.2), 150), (FACENET_160, 160), (arcface_template(112, 112), 112)]
)
def test_templates_are_upright_centred_faces(template: tuple[tuple[float, float], ...], width: int) -> None:
    (left_x, left_y), (right_x, right_y), (nose_x, nose_y), *mouth = template
    assert left_x < nose_x < right_x
    assert max(left_y, right_y) < nose_y < min(y for _, y in mouth)
    assert mouth[0][0] < nose_x < mouth[1][0]
    assert (left_x + right_x) / 2 == pytest.approx((width - 1) / 2, abs=0.02 * width)
