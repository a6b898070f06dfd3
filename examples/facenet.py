"""FaceNet's way from beginning to end: crops by MTCNN, triplets, LFW after each epoch, then the network in use.

    python examples/facenet.py CASIA-WebFace out --lfw lfw --pairs pairs.txt --photos ~/Pictures

The data set has a folder with images for each person, as CASIA-WebFace has (0000045/001.jpg, ...). It is the way of
davidsandberg/facenet and tbmoon/facenet, each step a command that you can run by itself:

1. `train align`: MTCNN finds the face of each image; its box with a margin becomes a crop of 182 pixels.
2. `train fit casia`: Inception-ResNet-v1 with 128 dimensions, from random weights, on semi-hard triplets.
3. `facesearch index`, `query` and `cluster` with the checkpoint, on photos of your own.

The recipe is made for a GPU and half a million images. For a try on less, change it:

    python examples/facenet.py faces out --set run.steps=200 --set batch.people=18 --set run.precision=fp32
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="a folder with images for each person")
    parser.add_argument("out", type=Path, help="a folder for all that comes of it")
    parser.add_argument("--lfw", type=Path, help="LFW's images, a folder a person")
    parser.add_argument("--pairs", type=Path, help="LFW's pairs.txt")
    parser.add_argument("--photos", type=Path, help="photos for the network; left out: a person's of the data set")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--eps", help="of DBSCAN; left out: the threshold that training has measured")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes the recipe")
    chosen = parser.parse_args()

    crops, run, library = (chosen.out / name for name in ("crops", "run", "library"))
    device = ["--device", chosen.device]
    step("train", "align", chosen.dataset, crops, "--style", "box", "--detector", "mtcnn", *device)

    lfw = ["--lfw", chosen.lfw, "--pairs", chosen.pairs] if chosen.lfw else []
    epoch = [f"run.{key}={steps_of_an_epoch(crops)}" for key in ("validate_every", "lfw_every")]
    changes = [f"--set={change}" for change in [*epoch, *chosen.set]]
    step("train", "fit", "casia", "--data", crops, "--out", run, *changes, *lfw, *device)

    # best.safetensors is there only if training gained on people whom it had not seen
    model = next(run / name for name in ("best.safetensors", "last.safetensors") if (run / name).exists())
    photos = chosen.photos or next(folder for folder in sorted(chosen.dataset.iterdir()) if folder.is_dir())
    use, eps = ["--library", library], ["--eps", chosen.eps] if chosen.eps else []
    step("facesearch", "index", photos, "--model", model, *use, *device)
    step("facesearch", "query", next(path for path in sorted(photos.rglob("*.*")) if path.is_file()), *use, *device)
    step("facesearch", "cluster", *use, *eps)
    print(f"\nThe run as a page: {run / 'index.html'}")


def steps_of_an_epoch(crops: Path) -> int:
    """Batches of the recipe until as many images as there are have been seen."""
    people, images = 128, 4
    return max(len(list(crops.glob("*/*.jpg"))) // (people * images), 1)


def step(module: str, *arguments: object) -> None:
    """Say a command and run it; a command that fails ends the example."""
    words = [str(argument) for argument in arguments]
    print("\n$ " + shlex.join(["python", "-m", module, *words]), flush=True)
    done = subprocess.run([sys.executable, "-m", module, *words])
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
