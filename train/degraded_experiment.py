"""What the recipe `degraded` gains on degraded faces of people whom it has not seen, and what it costs on good ones.

    python -m train.degraded_experiment choose FACES --out runs
    python -m train.degraded_experiment measure FACES DATA --out runs [--seeds 5]

`choose` trains the recipe and measures blends with the start on the people of FACES (train align) who were kept out:
this is where the recipe's `network.blend` comes from. `measure` trains it with several seeds, and measures the default
model with each of them in the place of SFace, and SFace alone, on LFW, on degraded LFW and on labelled photos. DATA
holds lfw/, lfw_pairs.txt, photos/ and photos.csv. Runs and embeddings that --out has already are not made again.

Degraded faces are those of `facesearch evaluate --quality`: one defect each, in turn. They are cut out by the landmarks
of the photo as it was, so that it is the embedding that is measured.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray

from facesearch import embedding
from facesearch.core.executor import CORES, ThreadExecutor
from facesearch.core.settings import FLOAT32, Preprocessing
from facesearch.core.types import Face
from facesearch.detection import load as load_detector
from facesearch.embedding import NetworkEmbedder, checkpoint
from facesearch.evaluation import kfold_accuracy, read_labels, read_lfw_pairs, roc_auc, tar_at_far
from facesearch.evaluation.spoiling import DEFECTS, spoiled
from facesearch.media import open_photo
from facesearch.pipeline.alignment import align
from facesearch.pipeline.pipeline import Pipeline, one_thread
from train.blending import blend
from train.config import Recipe, read_recipe
from train.dataset import FaceImage, read_faces, read_pixels, split_people
from train.keeping import LAST
from train.looking import NoNetwork
from train.loop import Job, fit
from train.resampling import gain_interval
from train.snapshots import SNAPSHOT
from train.starting import live_embedder
from train.validation import FAR, PairDistances, pairs_of

__all__ = ["Faces", "degraded_pairs", "spoiled_crop"]

Crops = list[NDArray[np.uint8]]
Rows = NDArray[np.float32]
Indices = NDArray[np.int64]

SPOILS = [defect for defect in DEFECTS if defect != "none"]
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
# Degraded copies of each crop that `choose` measures on, and strangers' pairs that are drawn of all.
COPIES, STRANGERS = 1, 1_000_000
DIM_SFACE = 128
CROPS_AT_ONCE = 128
# A detector's box is about so many times as wide as the eyes are apart.
BOX_PER_EYES = 2.3


@dataclass(frozen=True)
class Faces:
    """Clean faces, and degraded copies of some.

    people: (n,) whose the clean ones are, counted from 0. copy_of: (m,) which clean one each copy is of.
    """

    clean: Crops
    people: Indices
    copies: Crops
    copy_of: Indices


def spoiled_crop(pixels: NDArray[np.uint8], face: Face, number: int, pre: Preprocessing) -> NDArray[np.uint8]:
    """The crop of a face in a photo with defect `number` of SPOILS, counted on from the beginning after the last."""
    worse = spoiled(SPOILS[number % len(SPOILS)], pixels, face, seed=number)
    return align(worse, face.landmarks * np.float32(worse.shape[1] / pixels.shape[1]), pre)


def degraded_pairs(clean: Rows, copies: Rows, faces: Faces, seed: int = 0) -> PairDistances:
    """Each copy with the other clean faces of its person, and with a sample of all strangers.

    Args: clean (n, d), copies (m, d): embeddings, unit L2 norm.
    """
    own = faces.people[faces.copy_of]
    one, other = np.nonzero(own[:, None] == faces.people[None])
    kept = other != faces.copy_of[one]
    generator = np.random.default_rng(seed)
    rows, columns = (generator.integers(size, size=STRANGERS) for size in (len(copies), len(clean)))
    strange = own[rows] != faces.people[columns]
    rows = np.concatenate([one[kept], rows[strange]])
    columns = np.concatenate([other[kept], columns[strange]])
    people = np.stack([own[rows], faces.people[columns]], axis=1)
    return PairDistances(_distances(copies, clean, rows, columns), people[:, 0] == people[:, 1], people)


def _distances(first: Rows, second: Rows, rows: Indices, columns: Indices) -> NDArray[np.float64]:
    """(k,) L2 between unit vectors."""
    chunks = [slice(i, i + 100_000) for i in range(0, len(rows), 100_000)]
    near = [np.einsum("ij,ij->i", first[rows[c]], second[columns[c]]) for c in chunks]
    return np.sqrt(np.maximum(2 - 2 * np.concatenate(near).astype(np.float64), 0))


# -- choose ----------------------------------------------------------------------------------------------------------


def choose(recipe: Recipe, data: Path, out: Path) -> Iterator[dict[str, Any]]:
    """Figures of the start and of blends, on the people of `data` who are kept out."""
    recipe = replace(recipe, network=replace(recipe.network, blend=1.0))
    spec = embedding.resolve(recipe.network.start, FLOAT32)
    trained = checkpoint.load_module(_trained(recipe, data, out)).state_dict()
    module = embedding.load_module(spec).to(memory_format=torch.channels_last)
    start = {name: value.clone() for name, value in module.state_dict().items()}
    faces = _held_out(split_people(read_faces(data), recipe.data)[1].images, spec.preprocessing)
    embedder = live_embedder(module, spec, torch.device("cpu"), torch.channels_last)
    before = None
    for share in SHARES:
        module.load_state_dict(blend(start, trained, share))
        clean, copies = embedder.embed(faces.clean), embedder.embed(faces.copies)
        before = clean if before is None else before
        moved = float(np.square(clean - before).sum(axis=1).mean())
        figures = {"clean": pairs_of(clean, faces.people), "degraded": degraded_pairs(clean, copies, faces)}
        yield {"share": share, "clean_moved": moved} | {name: _scores(pairs) for name, pairs in figures.items()}


def _held_out(images: Sequence[FaceImage], pre: Preprocessing) -> Faces:
    seen = [(read_pixels(image), _face(image)) for image in images]
    clean = [align(pixels, face.landmarks, pre) for pixels, face in seen]
    copy_of = np.repeat(np.arange(len(seen)), COPIES)
    copies = [spoiled_crop(*seen[i], number, pre) for number, i in enumerate(copy_of.tolist())]
    people = np.unique([image.person for image in images], return_inverse=True)[1]
    return Faces(clean, people, copies, copy_of)


def _face(image: FaceImage) -> Face:
    """What a manifest knows of a face; the box is a guess."""
    landmarks = np.array(image.landmarks, np.float32)
    half = BOX_PER_EYES / 2 * float(np.linalg.norm(landmarks[1] - landmarks[0]))
    x, y = (float(value) for value in landmarks.mean(axis=0))
    return Face((x - half, y - half, x + half, y + half), landmarks)


def _scores(pairs: PairDistances) -> dict[str, float]:
    d, same = pairs.distances, pairs.same
    return {"tar": tar_at_far(d, same, FAR), "tar_1e-2": tar_at_far(d, same, 1e-2), "auc": roc_auc(d, same)}


# -- measure ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lfw:
    """LFW's ten folds: which faces a pair is of. Pairs with a photo without a face are left out."""

    faces: Faces
    left: Indices
    right: Indices
    same: NDArray[np.bool_]
    folds: Indices

    @classmethod
    def read(cls, data: Path) -> "Lfw":
        pairs = read_lfw_pairs(data / "lfw_pairs.txt", data / "lfw")
        of_one = {right for right, same in zip(pairs.right, pairs.same, strict=True) if same}
        found, faces = _cut(pairs.photos, [photo.parent.name for photo in pairs.photos], of_one)
        index = {photo: i for i, photo in enumerate(found)}
        left, right = (np.array([index.get(photo, -1) for photo in side]) for side in (pairs.left, pairs.right))
        there = (left >= 0) & (right >= 0)
        return cls(faces, left[there], right[there], pairs.same[there], pairs.folds[there])


def read_photos(data: Path) -> Faces:
    """The main faces of labelled photos."""
    labels = sorted(read_labels(data / "photos.csv").items())
    return _cut([data / "photos" / photo for photo, _ in labels], [person for _, person in labels], set())[1]


def _cut(photos: Sequence[Path], people: Sequence[str], degraded: set[Path]) -> tuple[list[Path], Faces]:
    """The photos with a face; these faces, as the default model wants them, and copies of those to be degraded."""
    pre = embedding.resolve(embedding.DEFAULT_MODEL, FLOAT32).preprocessing
    pipeline = Pipeline(NetworkEmbedder(NoNetwork(pre)), load_detector(device="cpu"), device="cpu")
    clean: Crops = []
    copies: Crops = []
    found, of, copy_of = [], [], []
    for photo, person, face in zip(photos, people, pipeline.main_faces(map(str, photos)), strict=True):
        if face is None or face.crop is None:
            continue
        if photo in degraded:
            copies.append(spoiled_crop(open_photo(photo).decode().rgb, face, len(copies), pre))
            copy_of.append(len(clean))
        found.append(photo)
        clean.append(face.crop)
        of.append(person)
    numbers = np.unique(of, return_inverse=True)[1]
    return found, Faces(clean, numbers, copies, np.array(copy_of, np.int64))


@dataclass(frozen=True)
class Measured:
    """A model's embeddings of LFW's clean faces, of the copies, and of the photos."""

    clean: Rows
    copies: Rows
    photos: Rows

    @classmethod
    def of(cls, model: str, lfw: Lfw, photos: Faces, kept: Path) -> "Measured":
        """Args: kept: a .npz where the embeddings are, or will be."""
        if not kept.exists():
            embedder = embedding.load_embedder(embedding.resolve(model, FLOAT32), "cpu")
            sets = (lfw.faces.clean, lfw.faces.copies, photos.clean)
            np.savez(kept, *(_embedded(embedder, crops) for crops in sets))
        with np.load(kept) as arrays:
            return cls(*(arrays[name] for name in arrays.files))

    def sface_alone(self) -> "Measured":
        """SFace's part of the combination, which comes after dlib's."""
        parts = [rows[:, -DIM_SFACE:] for rows in (self.clean, self.copies, self.photos)]
        return Measured(*(part / np.linalg.norm(part, axis=1, keepdims=True) for part in parts))

    def pairs(self, lfw: Lfw, photos: Faces) -> dict[str, PairDistances]:
        """By test set."""
        people = np.stack([lfw.faces.people[lfw.left], lfw.faces.people[lfw.right]], axis=1)
        distances = _distances(self.clean, self.clean, lfw.left, lfw.right)
        return {
            "lfw": PairDistances(distances, lfw.same, people),
            "degraded lfw": degraded_pairs(self.clean, self.copies, lfw.faces),
            "photos": pairs_of(self.photos, photos.people),
        }


def _embedded(embedder: embedding.Embedder, crops: Crops) -> Rows:
    def embed(some: Crops) -> Rows:
        with one_thread():
            return embedder.embed(some)

    chunks = [crops[i : i + CROPS_AT_ONCE] for i in range(0, len(crops), CROPS_AT_ONCE)]
    return np.concatenate(list(ThreadExecutor(CORES).map(embed, chunks)))


def measure(recipe: Recipe, data: Path, tests: Path, out: Path, seeds: int) -> Iterator[dict[str, Any]]:
    """Figures of the start, and of each seed with its gains."""
    runs = [_trained(replace(recipe, run=replace(recipe.run, seed=seed)), data, out) for seed in range(seeds)]
    lfw, photos = Lfw.read(tests), read_photos(tests)
    before = Measured.of(embedding.DEFAULT_MODEL, lfw, photos, out / "start.npz")
    starts = {"sface": before.sface_alone().pairs(lfw, photos), "sface+dlib": before.pairs(lfw, photos)}
    yield {"seed": None} | {name: _figures(pairs, lfw, None) for name, pairs in starts.items()}
    for seed, path in enumerate(runs):
        after = Measured.of(f"{path}+dlib", lfw, photos, path.with_suffix(".npz"))
        ends = {"sface": after.sface_alone().pairs(lfw, photos), "sface+dlib": after.pairs(lfw, photos)}
        yield {"seed": seed} | {name: _figures(pairs, lfw, starts[name]) for name, pairs in ends.items()}


def _figures(sets: dict[str, PairDistances], lfw: Lfw, before: dict[str, PairDistances] | None) -> dict[str, Any]:
    found: dict[str, Any] = {name: _scores(pairs) for name, pairs in sets.items()}
    found["lfw"]["accuracy"] = kfold_accuracy(sets["lfw"].distances, lfw.same, lfw.folds).mean
    for name in ("degraded lfw", "photos") if before is not None else ():
        assert before is not None
        found[name]["tar_gain_within"] = gain_interval(before[name], sets[name], "tar")
    return found


def _trained(recipe: Recipe, data: Path, out: Path) -> Path:
    """The last checkpoint of a run; trained if it is not there, from its last snapshot on where there is one."""
    known_by = hashlib.sha256(json.dumps(recipe.to_dict(), sort_keys=True).encode()).hexdigest()
    folder = out / f"{recipe.name}-{recipe.run.seed}-{known_by[:8]}"
    if not (folder / LAST).exists():
        fit(Job(recipe, data, folder, device="cpu", resume=(folder / SNAPSHOT).exists(), say=print))
    return folder / LAST


app = typer.Typer(add_completion=False, help=__doc__)
FacesArgument = Annotated[Path, typer.Argument(help="Aligned faces (train align).")]
OutOption = Annotated[Path, typer.Option(help="A folder for runs and embeddings.")]
RecipeOption = Annotated[str, typer.Option(help="Its name, or a .toml file.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", metavar="TABLE.KEY=VALUE", help="Change the recipe.")]


@app.command(name="choose")
def choose_command(
    faces: FacesArgument, out: OutOption, recipe: RecipeOption = "degraded", change: SetOption = None
) -> None:
    """Shares of the way to the trained weights, measured on people of FACES who are kept out."""
    for line in choose(read_recipe(recipe, change or ()), faces, out):
        print(json.dumps(line), flush=True)


@app.command(name="measure")
def measure_command(
    faces: FacesArgument,
    data: Annotated[Path, typer.Argument(help="lfw/, lfw_pairs.txt, photos/, photos.csv.")],
    out: OutOption,
    recipe: RecipeOption = "degraded",
    change: SetOption = None,
    seeds: Annotated[int, typer.Option(min=1)] = 5,
) -> None:
    """Several seeds on LFW, degraded LFW and photos, beside the start."""
    for line in measure(read_recipe(recipe, change or ()), faces, data, out, seeds):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    app()
