"""What `pip install facesearch` is enough for, and what is said where more is needed: PyTorch cannot be found here."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FAKE_SPEC

from facesearch.core.extras import EXTRAS, how_to_get
from facesearch.detection import DEFAULT_DETECTOR
from facesearch.embedding import checkpoint
from facesearch.embedding.architectures import ARCHITECTURES

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ("grace-hopper-soft.jpg", "grace-hopper-close-up.png", "eileen-collins-soft.jpg", "gradient.jpg")
# None in sys.modules is "there is no such module" for import statements and for find_spec.
PROGRAM = """
import sys
*missing, _ = sys.argv[1].split(",")
sys.modules |= dict.fromkeys(missing)
sys.argv[:2] = ["facesearch"]
from facesearch.cli import command
command()
"""
Demo = tuple[Path, dict[str, tuple[str, ...]]]


def light(*arguments: str | Path, missing: Iterable[str] = EXTRAS) -> list[str | Path]:
    """A command line of facesearch, started where these packages cannot be found."""
    return [sys.executable, "-c", PROGRAM, "".join(f"{name}," for name in missing), *arguments]


def run(*arguments: str | Path, missing: Iterable[str] = EXTRAS, code: int = 0) -> str:
    """What it prints on stdout, or on stderr where the exit code is that of an error."""
    done = subprocess.run(light(*arguments, missing=missing), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code == 2 else done.stdout


@pytest.fixture
def photos(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few photos; the library is the one that commands use."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in PHOTOS:
        (folder / name).write_bytes((demo[0] / name).read_bytes())
    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path / "library"))
    return folder


# --- the default models need none of it


@pytest.mark.xfail(DEFAULT_DETECTOR == "mtcnn", reason="MTCNN's weights are in facenet-pytorch")
def test_the_default_path_does_without_pytorch(photos: Path, tmp_path: Path) -> None:
    assert json.loads(run("index", photos, "--json"))["faces"] == 3
    (found,) = json.loads(run("query", photos / PHOTOS[0], "-k", "2", "--json"))["faces"]
    assert [Path(match["path"]).name for match in found["matches"]] == list(PHOTOS[:2])
    assert run("verify", photos / PHOTOS[0], photos / PHOTOS[1]).startswith("The same person.")
    run("verify", photos / PHOTOS[0], photos / PHOTOS[2], code=1)
    assert [one["size"] for one in json.loads(run("cluster", "--json"))["clusters"]] == [2]
    assert json.loads(run("status", "--json"))["faces"] == 3
    assert len(json.loads(run("export", "--format", "json"))["faces"]) == 3  # one of them in no cluster
    run("report", tmp_path / "report")
    assert served(tmp_path / "log.txt")


@pytest.mark.xfail(DEFAULT_DETECTOR == "mtcnn", reason="MTCNN's weights are in facenet-pytorch")
def test_the_onnx_package_is_needed_once(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Published weights are converted once; what is kept spares a quarter of a second at each start."""
    run("index", photos)
    run("query", photos / PHOTOS[0], missing=[*EXTRAS, "onnx"])


def served(log: Path) -> bool:
    """Whether `facesearch serve` gets as far as printing its address."""
    with log.open("w") as file:
        process = subprocess.Popen(light("serve", "--no-browser", "--port", "0"), cwd=ROOT, stdout=file, stderr=file)
    try:
        for _ in range(600):
            if re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()) or process.poll() is not None:
                break
            time.sleep(0.1)
        return process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_all_models_are_listed_with_what_they_need() -> None:
    models = {model["name"]: model for model in json.loads(run("models", "--json"))["models"]}
    assert models["dlib"]["ready"] is True
    for name in ("facenet-vggface2", "facenet-casia"):
        assert models[name]["ready"] is False
        assert models[name]["note"].startswith(how_to_get("torch"))


# --- the others say how to get it


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_a_gpu_needs_pytorch(photos: Path, device: str) -> None:
    error = run("index", photos, "--device", device, code=2)
    assert error == f"Error: --device {device} needs PyTorch: {how_to_get('torch')}, or use --device cpu\n"
    assert not Path(os.environ["FACESEARCH_LIBRARY"]).exists(), "a library that cannot be filled was left behind"


def test_facenet_needs_pytorch(photos: Path) -> None:
    error = run("index", photos, "--model", "facenet-vggface2", code=2)
    assert error == f"Error: facenet-vggface2 needs PyTorch: {how_to_get('torch')}\n"


def test_a_checkpoint_needs_pytorch(photos: Path, tmp_path: Path) -> None:
    spec = replace(FAKE_SPEC, network="small-cnn")
    checkpoint.save(tmp_path / "own.safetensors", ARCHITECTURES["small-cnn"](spec.dim).state_dict(), spec, {})
    error = run("index", photos, "--model", tmp_path / "own.safetensors", code=2)
    assert error == f"Error: own.safetensors needs PyTorch: {how_to_get('torch')}\n"
    shown = run("models", tmp_path / "own.safetensors")
    assert "has no model card" in shown
    assert "small-cnn" in shown


def test_adapting_needs_training_and_its_packages() -> None:
    error = run("adapt", code=2)
    assert error == f"Error: adapt needs TensorBoard: {how_to_get('tensorboard')}\n"
    error = run("adapt", missing=["train"], code=2)
    assert error.startswith("Error: adapt runs from a checkout of facesearch, where training is: pip install -e")


def test_mtcnn_needs_the_package_with_its_weights() -> None:
    code = "import sys; sys.modules['facenet_pytorch'] = None\nfrom facesearch.detection import load; load('mtcnn')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.endswith(f"MTCNN needs the weights in facenet-pytorch: {how_to_get('torch')}\n")


def test_mtcnn_on_a_cpu_needs_nothing_else(tmp_path: Path) -> None:
    """Its weights are read from the package's files, which are found without importing it, or PyTorch."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(['torch', 'torchvision'])\n"
        "import numpy\nfrom facesearch.detection import load\n"
        "print(load('mtcnn').detect([numpy.zeros((60, 60, 3), numpy.uint8)], [20]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[[]]\n"), done.stderr


def test_training_needs_its_extra() -> None:
    arguments = ["train", "fit", "smoke", "--data", "faces", "--out", "run"]
    code = f"import sys; sys.modules['torch'] = None; sys.argv = {arguments}\nfrom train.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "Error: training needs torch: pip install '.[train]'\n")


def test_a_package_that_nobody_thought_of() -> None:
    """Whatever import of an extra fails, it is one line."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from facesearch.cli import app, run\n"
        "import typer\nother = typer.Typer()\n"
        "@other.command()\ndef use() -> None:\n    import torch.nn\n"
        "sys.argv = ['use']; run(other)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"Error: this needs PyTorch: {how_to_get('torch')}\n")
