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
from facesearch.core.settings import FLOAT32, ModelSpec, Preprocessing
from facesearch.core.types import Face
from facesearch.detection import load as load_detector
from facesearch.embedding import NetworkEmbedder, checkpoint
from facesearch.evaluation import kfold_accuracy, read_labels, read_lfw_pairs, roc_auc, tar_at_far
from facesearch.evaluation.spoiling import DEFECTS, spoiled
from facesearch.media import open_photo
from facesearch.pipeline.alignment import align
from facesearch.pipeline.pipeline import Pipeline
from train.blending import blend
from train.config import Recipe, read_recipe
from train.dataset import FaceImage, read_faces, read_pixels, split_people
from train.keeping import LAST
from train.looking import NoNetwork
from train.loop import Job, fit
from train.resampling import gain_interval
from train.starting import live_embedder
from train.validation import FAR, PairDistances, pairs_of

__all__ = ["Faces", "degraded_pairs", "spoiled_crop"]

Crops = list[NDArray[np.uint8]]
Rows = NDArray[np.float32]
Indices = NDArray[np.int64]

SPOILS = [defect for defect in DEFECTS if defect != "none"]
SHARES = (0.0, 0.2, 0.35, 0.5, 0.75, 1.0)
# Degraded copies of each crop that `choose` measures on, and strangers' pairs that are drawn of all.
COPIES, STRANGERS = 3, 2_000_000
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


class TestSets:
    """LFW with degraded copies, and labelled photos, cut out as the default model wants them."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.pairs = read_lfw_pairs(data / "lfw_pairs.txt", data / "lfw")
        self.labels = sorted(read_labels(data / "photos.csv").items())
        self._crops: tuple[Faces, Faces] | None = None

    def crops(self) -> tuple[Faces, Faces]:
        """LFW, photos. Cut out at the first call."""
        if self._crops is None:
            photos = self.pairs.photos
            wanted = {right for right, same in zip(self.pairs.right, self.pairs.same, strict=True) if same}
            lfw = self._cut(photos, [photo.parent.name for photo in photos], wanted)
            shown = [self._data / "photos" / photo for photo, _ in self.labels]
            self._crops = lfw, self._cut(shown, [person for _, person in self.labels], set())
        return self._crops

    def _cut(self, photos: Sequence[Path], people: Sequence[str], wanted: set[Path]) -> Faces:
        pre = embedding.resolve(embedding.DEFAULT_MODEL, FLOAT32).preprocessing
        pipeline = Pipeline(NetworkEmbedder(NoNetwork(pre)), load_detector(device="cpu"), device="cpu")
        clean, of, copies, copy_of = [], [], [], []
        for photo, person, face in zip(photos, people, pipeline.main_faces(map(str, photos)), strict=True):
            if face is None or face.crop is None:
                continue
            if photo in wanted:
                pixels = open_photo(photo).decode().rgb
                copies.append(spoiled_crop(pixels, face, len(copies), pre))
                copy_of.append(len(clean))
            clean.append(face.crop)
            of.append(person)
        return Faces(clean, np.unique(of, return_inverse=True)[1], copies, np.array(copy_of, np.int64))


