"""`index/benchmark_gpu.py` with PyTorch's CPU in the place of a GPU: the same faces by both ways."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from detection_samples import Rgb
from PIL import Image
from train_samples import make_people

SMALL = ("--photos", 6, "--crops", 2, "--faces", 1000)
SCRIPT = Path(__file__).resolve().parents[1] / "index" / "benchmark_gpu.py"


@pytest.fixture
def photos(tmp_path: Path, hopper: Rgb, astronaut: Rgb) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, pixels in (("hopper", hopper), ("astronaut", astronaut)):
        Image.fromarray(pixels).save(folder / f"{name}.jpg")
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True)


@pytest.mark.slow
def test_faces_and_embeddings_of_both_ways(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = run(photos, "--device", "cpu", "--parts", "same,embed,near", *SMALL, "--out", out)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())
    same = figures["same"]
    assert same["photos"] == 6
    assert same["faces"] >= 6
    assert same["two_runs_equal_bits"]
    assert same["same_faces"]
    assert same["boxes_px"] <= 0.01
    assert same["embeddings_l2"] <= 1e-3
    assert figures["embed"]["float32"]["faces_per_s"] > 0
    assert figures["near"]["nearest"]["recall"] > 0.999
    assert figures["near"]["ari"] == 1


@pytest.mark.slow
def test_training(photos: Path, tmp_path: Path) -> None:
    crops = make_people(tmp_path / "people")
    done = run(photos, "--device", "cpu", "--parts", "train", "--train-on", crops, "--steps", 4, "--photos", 16)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.partition("\n")[2])["ratio"] > 0
    without = run(photos, "--device", "cpu", "--parts", "train", "--photos", 16)
    assert without.returncode == 2
    assert "--train-on" in without.stderr


def test_unknown_parts_are_refused(photos: Path) -> None:
    done = run(photos, "--device", "cpu", "--parts", "everything")
    assert done.returncode == 2
    told = " ".join(done.stderr.replace("│", " ").split())  # it is wrapped and framed
    assert "same, embed, near, index, train" in told
