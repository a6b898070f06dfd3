"""Batches of varied crops, decoded ahead of the training: by threads, or by worker processes."""

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from facesearch.core.settings import Preprocessing
from train.augmentation import Augmentation
from train.batch_augmentation import BatchAugmentation
from train.canvases import Canvases, margin_for
from train.config import Recipe
from train.dataset import FaceSet, read_pixels
from train.distributed import Ranks
from train.errors import TrainingError
from train.samplers import Sampler
from train.staging import Staging

__all__ = ["batches", "default_workers"]

# An image of a batch: its index, and the seed of its augmentation.
Item = tuple[int, tuple[int, int, int]]
_AUGMENTATION = 4  # see train.samplers: no two drawings of one seed are the same
GPU_WORKERS_AT_MOST = 16
# A fork would copy the threads of torch, half alive.
_CONTEXT = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


class _Crops(Dataset["Tensor | TrainingError"]):
    """An error is handed on, not raised: the loader would bury its one line in a worker's traceback."""

    def __init__(self, faces: FaceSet, augmentation: Augmentation, kept_bytes: int) -> None:
        """Args: kept_bytes: of pixels that are decoded once; those of later images are decoded each time."""
        self._faces, self._augmentation = faces, augmentation
        self._left, self._kept = kept_bytes, dict[int, NDArray[np.uint8]]()

    def __getitem__(self, item: Item) -> "Tensor | TrainingError":
        index, seed = item
        image = self._faces.images[index]
        try:
            pixels = self._pixels(index)
        except TrainingError as error:
            return error
        return torch.from_numpy(np.array(self._augmentation(pixels, image.landmarks, seed)))

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        if index in self._kept:
            return self._kept[index]
        pixels = read_pixels(self._faces.images[index])
        if pixels.nbytes <= self._left:
            self._left -= pixels.nbytes
            self._kept[index] = pixels
        return pixels


class _Steps:
    """This process's share of every batch from a step on."""

    def __init__(self, sampler: Sampler, seed: int, steps: range, ranks: Ranks) -> None:
        self._sampler, self._seed, self._steps, self._ranks = sampler, seed, steps, ranks

    def __iter__(self) -> Iterator[list[Item]]:
        for step in self._steps:
            indices = self._sampler.batch(step)
            share = self._ranks.share(len(indices))
            # the seed counts places in the whole batch: any number of processes draws the same
            yield [(int(indices[i]), (self._seed, step, i)) for i in range(*share.indices(len(indices)))]

    def __len__(self) -> int:
        return len(self._steps)


def default_workers(device: torch.device, processes: int = 1) -> int:
    """Threads or processes for a recipe that leaves it open: training needs a core itself."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    mine = max(cores // processes - 1, 0)
    return mine if device.type == "cpu" else min(max(mine, 1), GPU_WORKERS_AT_MOST)


def batches(
    recipe: Recipe, preprocessing: Preprocessing, faces: FaceSet, sampler: Sampler, ranks: Ranks, first_step: int = 0
) -> Generator[Tensor, None, None]:
    """For each step from one on this process's share of the batch: (n, h, w, 3) uint8 RGB.

    The first of them are begun at once. Close it to end its threads or processes.

    Raises TrainingError where an image cannot be read.
    """
    workers, kept_bytes = recipe.data.workers, int(recipe.data.kept_gb * (1 << 30))
    if workers < 0:
        workers = default_workers(ranks.device, ranks.count)
    steps, seed, augment = range(first_step, recipe.run.steps), recipe.run.seed + _AUGMENTATION, recipe.augment
    if not augment.batched:
        crops = _Crops(faces, Augmentation(augment, preprocessing), kept_bytes // max(workers, 1))
        return _one_by_one(iter(_loader(crops, _Steps(sampler, seed, steps, ranks), workers, ranks)))
    canvases = Canvases(faces, preprocessing, margin_for(augment, preprocessing), kept_bytes)
    size = recipe.batch.size
    share, pinned = ranks.share(size), ranks.device.type == "cuda"
    staging = Staging(canvases, lambda step: sampler.batch(step)[share], steps, workers, pinned)
    return _together(staging, BatchAugmentation(augment, preprocessing, ranks.device, seed), steps, size, share)


def _together(
    staging: Staging, vary: BatchAugmentation, steps: range, size: int, share: slice
) -> Generator[Tensor, None, None]:
    with closing(staging):
        for step, canvases in zip(steps, staging, strict=True):
            yield vary(canvases, step, size, share)


def _loader(crops: _Crops, steps: _Steps, workers: int, ranks: Ranks) -> "DataLoader[Tensor | TrainingError]":
    return DataLoader(
        crops,
        batch_sampler=steps,
        num_workers=workers,
        pin_memory=ranks.device.type == "cuda",
        multiprocessing_context=_CONTEXT if workers else None,
        prefetch_factor=4 if workers else None,
        collate_fn=_stacked,
        worker_init_fn=_quiet,
    )


def _one_by_one(loaded: "Iterator[Tensor | TrainingError]") -> Generator[Tensor, None, None]:
    for batch in loaded:
        if isinstance(batch, TrainingError):
            raise batch
        yield batch


def _stacked(items: "list[Tensor | TrainingError]") -> "Tensor | TrainingError":
    crops = [item for item in items if isinstance(item, Tensor)]
    return next((item for item in items if isinstance(item, TrainingError)), None) or torch.stack(crops)


def _quiet(_: int) -> None:
    """A worker takes one core, and leaves Ctrl-C to the process that reads from it."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
