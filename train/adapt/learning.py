"""Training on the people of a library, and how far it is followed.

What training has changed is followed part of the way only (see train/blending.py), and how far is chosen on people of
the library from whom nothing was learnt, none of them held out.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from facesearch import embedding
from facesearch.core.settings import FLOAT32, ModelSpec
from facesearch.embedding import combined
from facesearch.embedding.combined_torch import SFacePart
from facesearch.embedding.registry import WITH_DLIB, parts_of
from train.adapt.figures import HeldOutFaces, mean_tar
from train.batches import batches
from train.blending import blend
from train.dataset import FaceSet, load_crop
from train.losses import CollapseWatch
from train.samplers import make_sampler
from train.starting import hold_targets, live_embedder
from train.trainer import Trainer

__all__ = ["SHARES", "Crops", "State", "Whole", "choose_share", "learn", "part_to_train"]

# Of what training has changed.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
EMBED_AT_ONCE = 64

State = dict[str, Tensor]
Tick = Callable[[int, int], None]


def part_to_train(name: str) -> str:
    """The model that is trained where a library has this one: of SFace and dlib's network together, SFace."""
    return parts_of(name)[0] if name == combined.NAME or name.endswith(WITH_DLIB) else name


@dataclass(frozen=True)
class Crops:
    """n crops as a library's embedder takes them, (height, width, 3) uint8 each.

    fixed: (n, d) what the part gives of them that is not trained; None where there is none.
    """

    pixels: Sequence[NDArray[np.uint8]]
    fixed: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, rows: Sequence[int]) -> "Crops":
        """Those of some rows."""
        return Crops([self.pixels[row] for row in rows], None if self.fixed is None else self.fixed[rows])


class Whole:
    """A library's embedder with the network in training as its part, or as all of it.

    What is not trained runs once for each crop, and as the product runs it.
    """

    def __init__(self, spec: ModelSpec, trainer: Trainer) -> None:
        """Args: spec: of the library's model. trainer: with the weights that the library's model has."""
        self.spec, self.start = spec.in_float32, _copied(trainer.module)
        self._trainer, self._dlib, module = trainer, None, trainer.module
        trained = trainer.spec
        if spec.network == combined.NAME:
            self._dlib = embedding.load_embedder(embedding.resolve("dlib", FLOAT32), str(trainer.ranks.device))
            module, trained = SFacePart(module), replace(self.spec, dim=trainer.spec.dim)
        self._embedder = live_embedder(module, trained, trainer.ranks.device, trainer.layout)

    def crops(self, faces: FaceSet, tick: Tick = lambda *_: None) -> Crops:
        """As this embedder takes them. Raises TrainingError where one cannot be read."""
        pixels, rows = [], [np.zeros((0, self._dlib.spec.dim if self._dlib else 0), np.float32)]
        for first in range(0, len(faces), EMBED_AT_ONCE):
            some = [load_crop(image, self.spec.preprocessing) for image in faces.images[first : first + EMBED_AT_ONCE]]
            pixels += some
            if self._dlib is not None:
                rows.append(self._dlib.embed([combined.dlib_crop(crop) for crop in some]))
            tick(len(pixels), len(faces))
        return Crops(pixels, None if self._dlib is None else np.concatenate(rows))

    def embed(self, state: State, crops: Crops) -> NDArray[np.float32]:
        """(n, d) float32, unit L2 norm. Args: state: weights of the part that is trained."""
        self._trainer.module.load_state_dict(state)
        vectors = self._embedder.embed(crops.pixels)
        if crops.fixed is None:
            return vectors
        both = [crops.fixed * combined.dlib_factor(), vectors * combined.sface_factor()]
        return np.concatenate(both, axis=1, dtype=np.float32)


def learn(
    trainer: Trainer, faces: FaceSet, tick: Tick = lambda *_: None, seconds: float = float("inf")
) -> tuple[State, int]:
    """Train by the trainer's recipe; the weights after it, and the steps that it took.

    Args:
        tick: faces seen, faces to see.
        seconds: after which no other step is begun.

    Raises:
        CollapsedError, DivergedError: training has failed.
        TrainingError: a crop cannot be read.
    """
    recipe, began, steps = trainer.recipe, time.monotonic(), 0
    sampler = make_sampler(recipe.batch, faces.labels, recipe.run.seed)
    held = hold_targets(trainer.embedder(), faces, recipe.loss.hold_scales) if recipe.loss.hold else None
    watch = CollapseWatch()
    with closing(batches(recipe, trainer.spec.preprocessing, faces, sampler, trainer.ranks)) as prepared:
        for step, crops in enumerate(prepared):
            if time.monotonic() - began > seconds:
                break
            rows = sampler.batch(step)
            watch.see(trainer.step(step, crops, faces.labels[rows], None if held is None else held[rows])())
            steps += 1
            tick(steps * recipe.batch.size, recipe.run.steps * recipe.batch.size)
    return _copied(trainer.module), steps


def choose_share(
    whole: Whole, trained: State, crops: Crops, faces: HeldOutFaces, tick: Tick = lambda *_: None
) -> float:
    """The smallest of the SHARES that is best on some people from whom nothing was learnt; 0 where training is no use.

    Args:
        trained: weights after training. crops: of these people. faces: what is known of them.
    """
    scores = []
    for done, share in enumerate(SHARES, start=1):
        scores.append(mean_tar(whole.embed(blend(whole.start, trained, share), crops), faces))
        tick(done * len(crops), len(SHARES) * len(crops))
    return SHARES[int(np.argmax(scores))]


def _copied(module: nn.Module) -> State:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
