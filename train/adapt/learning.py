"""Training on the people of a library, and how far it is followed.

What training has changed is followed part of the way only (see train/blending.py), and how far is chosen on people of
the library from whom nothing was learnt, none of them held out.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from facesearch import embedding
from facesearch.core.settings import FLOAT32, ModelSpec
from facesearch.embedding import NetworkEmbedder, combined
from facesearch.embedding.combined_torch import Combined
from facesearch.embedding.registry import WITH_DLIB, parts_of
from train.adapt.figures import HeldOutFaces, mean_tar
from train.augmentation import Augmentation
from train.batches import batches, default_workers
from train.blending import blend
from train.dataset import FaceSet, load_crop
from train.losses import CollapseWatch
from train.samplers import make_sampler
from train.starting import hold_targets, live_embedder
from train.trainer import Trainer

__all__ = ["SHARES", "State", "Whole", "choose_share", "embedded", "learn", "part_to_train"]

# Of what training has changed.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
EMBED_AT_ONCE = 64

State = dict[str, Tensor]
Tick = Callable[[int, int], None]


def part_to_train(name: str) -> str:
    """The model that is trained where a library has this one: of SFace and dlib's network together, SFace."""
    return parts_of(name)[0] if name == combined.NAME or name.endswith(WITH_DLIB) else name


class Whole:
    """A library's embedder with the network in training as its part, or as all of it."""

    def __init__(self, spec: ModelSpec, trainer: Trainer) -> None:
        """Args: spec: of the library's model. trainer: with the weights that the library's model has."""
        self._trainer = trainer
        module: nn.Module = trainer.module
        if spec.network == combined.NAME:
            dlib = embedding.resolve("dlib", FLOAT32)
            module = Combined((trainer.spec, module), (dlib, embedding.load_module(dlib)))
        self.spec = spec.in_float32
        self._module = module.to(trainer.ranks.device)
        self.start = _copied(trainer.module)

    def with_weights(self, state: State) -> NetworkEmbedder:
        """The embedder with these weights in the part that is trained; valid until the next call."""
        self._trainer.module.load_state_dict(state)
        return live_embedder(self._module, self.spec, self._trainer.ranks.device, self._trainer.layout)


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
    prepared = batches(
        faces,
        Augmentation(recipe.augment, trainer.spec.preprocessing),
        sampler,
        seed=recipe.run.seed,
        steps=range(recipe.run.steps),
        ranks=trainer.ranks,
        workers=default_workers(trainer.ranks.device) if recipe.data.workers < 0 else recipe.data.workers,
    )
    for step, crops in enumerate(prepared):
        if time.monotonic() - began > seconds:
            break
        rows = sampler.batch(step)
        watch.see(trainer.step(step, crops, faces.labels[rows], None if held is None else held[rows]))
        steps += 1
        tick(steps * recipe.batch.size, recipe.run.steps * recipe.batch.size)
    return _copied(trainer.module), steps


def choose_share(
    whole: Whole, trained: State, crops: Sequence[NDArray[np.uint8]], faces: HeldOutFaces, tick: Tick = lambda *_: None
) -> float:
    """The smallest of the SHARES that is best on some people from whom nothing was learnt; 0 where training is no use.

    Args:
        trained: weights after training. crops: n, as the whole embedder takes them. faces: what is known of them.
    """
    scores = []
    for done, share in enumerate(SHARES, start=1):
        vectors = whole.with_weights(blend(whole.start, trained, share)).embed(crops)
        scores.append(mean_tar(vectors, faces))
        tick(done * len(crops), len(SHARES) * len(crops))
    return SHARES[int(np.argmax(scores))]


def embedded(embedder: NetworkEmbedder, faces: FaceSet, tick: Tick = lambda *_: None) -> NDArray[np.float32]:
    """(n, d) float32, unit L2 norm. Raises TrainingError where a crop cannot be read."""
    rows = [np.zeros((0, embedder.spec.dim), np.float32)]
    for first in range(0, len(faces), EMBED_AT_ONCE):
        some = faces.images[first : first + EMBED_AT_ONCE]
        rows.append(embedder.embed([load_crop(image, embedder.spec.preprocessing) for image in some]))
        tick(first + len(some), len(faces))
    return np.concatenate(rows)


def _copied(module: nn.Module) -> State:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
