"""FaceNet's way from beginning to end: crops by MTCNN, triplets, LFW after each epoch, then the network in use.

    python examples/facenet.py CASIA-WebFace out --lfw lfw --pairs pairs.txt --photos ~/Pictures

The data set has a folder with images for each person, as CASIA-WebFace has (0000045/001.jpg, ...). It is the way of
davidsandberg/facenet and tbmoon/facenet, each step a command that you can run by itself:

1. `train align`: MTCNN finds the face of each image; its box with a margin becomes a crop of 182 pixels.
2. `train fit casia`: Inception-ResNet-v1 with 128 dimensions, from random weights, on semi-hard triplets.
3. `facesearch index`, `query` and `cluster` with the checkpoint, on photos of your own.

The recipe is made for a GPU and half a million images. `--recipe casia-small` is the same for a thousand images
on a CPU. The same command goes on after an interruption.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path, help="a folder with images for each person")
    parser.add_argument("out", type=Path, help="a folder for all that comes of it")
    parser.add_argument("--lfw", type=Path, help="LFW's images, a folder a person")
    parser.add_argument("--pairs", type=Path, help="LFW's pairs.txt")
    parser.add_argument("--photos", type=Path, help="photos for the network; left out: a person's of the data set")
    parser.add_argument("--recipe", default="casia", help="casia, casia-small, or your own .toml file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="changes the recipe")
    parser.add_argument("--terms", default="", help="under which terms the data set may be used, for the model card")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--eps", help="of DBSCAN; left out: the threshold that training has measured")
    chosen = parser.parse_args()
    if (chosen.lfw is None) != (chosen.pairs is None):
        parser.error("give --lfw with --pairs, or neither")

    crops, run, library = (chosen.out / name for name in ("crops", "run", "library"))
    detector, device = ["--detector", "mtcnn"], ["--device", chosen.device]
    step("train", "align", chosen.dataset, crops, "--style", "box", *detector, *device)

    epoch = steps_of_an_epoch(crops, chosen.recipe, chosen.set)
    changes = [f"--set=run.{key}={epoch}" for key in ("validate_every", "lfw_every")]
    changes += [f"--set={change}" for change in chosen.set]
    lfw = ["--lfw", chosen.lfw, "--pairs", chosen.pairs] if chosen.lfw else []
    resume = ["--resume"] if (run / "snapshot.pt").exists() else []
    terms = ["--terms", chosen.terms] if chosen.terms else []
    step("train", "fit", chosen.recipe, "--data", crops, "--out", run, *changes, *lfw, *terms, *resume, *device)

    # best.safetensors is there only if training gained on people whom it had not seen
    model = next(run / name for name in ("best.safetensors", "last.safetensors") if (run / name).exists())
    photos = chosen.photos or next(folder for folder in sorted(chosen.dataset.iterdir()) if folder.is_dir())
    use, eps = ["--library", library], ["--eps", chosen.eps] if chosen.eps else []
    step("facesearch", "index", photos, "--model", model, *detector, *use, *device)
    step("facesearch", "query", next(path for path in sorted(photos.rglob("*.*")) if path.is_file()), *use, *device)
    step("facesearch", "cluster", *use, *eps)
    print(f"\nThe run as a page: {run / 'index.html'}")


def steps_of_an_epoch(crops: Path, recipe_name: str, changes: list[str]) -> int:
    """Batches until training has seen as many images as it has."""
    sys.path.insert(0, str(CHECKOUT))  # where train/ is: pip does not install it
    from train.config import read_recipe
    from train.dataset import read_faces, split_people

    recipe = read_recipe(recipe_name, changes)
    learnt_from, _ = split_people(read_faces(crops), recipe.data)
    return max(len(learnt_from) // recipe.batch.size, 1)


def step(module: str, *arguments: object) -> None:
    """Say a command and run it; a command that fails ends the example."""
    words = [str(argument) for argument in arguments]
    print("\n$ " + shlex.join(["python", "-m", module, *words]), flush=True)
    done = subprocess.run([sys.executable, "-m", module, *words])
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
