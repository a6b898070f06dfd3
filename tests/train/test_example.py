"""`examples/facenet.py` from beginning to end, on a set of seconds."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from detection_samples import Rgb
from PIL import Image, ImageEnhance

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "facenet.py"
SMALL = [
    "network.name=small-cnn",
    "network.dim=16",
    "data.held_out=0.4",
    "data.workers=0",
    "batch.people=3",
    "batch.images=2",
    "run.steps=4",
    "run.validate_every=2",
    "run.snapshot_every=4",
    "run.precision=fp32",
]


@pytest.fixture
def dataset(tmp_path: Path, hopper: Rgb, astronaut: Rgb) -> Path:
    """As CASIA-WebFace is laid out: eight "people" of three images, who are two, stretched and lit in four ways."""
    for number, (pixels, width) in enumerate(
        (pixels, width) for pixels in (hopper, astronaut) for width in (0.85, 1.15)
    ):
        for mirrored in (False, True):
            folder = tmp_path / "set" / f"{2 * number + mirrored:07}"
            folder.mkdir(parents=True)
            image = Image.fromarray(pixels)
            image = image.resize((round(image.width * width), image.height))
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image
            for light in (1, 2, 3):
                ImageEnhance.Brightness(image).enhance(0.6 + 0.2 * light).save(folder / f"{light:03}.jpg")
    return tmp_path / "set"


@pytest.mark.slow
def test_from_a_folder_of_images_to_clusters(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    changes = [word for change in SMALL for word in ("--set", change)]
    command = [sys.executable, SCRIPT, dataset, out, "--device", "cpu", "--eps", "0.5", *changes]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert [line.split()[3:5] for line in commands] == [
        ["train", "align"],
        ["train", "fit"],
        ["facesearch", "index"],
        ["facesearch", "query"],
        ["facesearch", "cluster"],
    ]
    assert "24 of 24 images aligned" in done.stdout
    assert "3 photos found: 3 indexed (3 faces)" in done.stdout
    assert json.loads((out / "crops" / "align.json").read_text())["detector"] == "mtcnn"
    page = (out / "run" / "index.html").read_text()
    assert "small-cnn" in page
    for picture in ("curves.png", "roc_held_out.png", "distances_held_out.png"):
        assert base64.b64encode((out / "run" / picture).read_bytes()).decode() in page


def test_a_command_that_fails_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPT, tmp_path / "nothing", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "is not a folder" in done.stderr
    assert done.stdout.count("$ ") == 1
