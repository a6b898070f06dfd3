"""Batches of varied crops, decoded ahead of the training by worker processes."""

import multiprocessing
import os
import signal
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from train.augmentation import Augmentation
from train.dataset import FaceSet, read_pixels
from train.distributed import Ranks
from train.errors import TrainingError
from train.samplers import Sampler

__all__ = ["batches", "default_workers"]

# An image of a batch: its index, and the seed of its augmentation.
Item = tuple[int, tuple[int, int, int]]
_AUGMENTATION = 4  # see train.samplers: no two drawings of one seed are the same
GPU_WORKERS_AT_MOST = 16
# Decoded pixels that all workers hold together: those of small sets, which are seen many times; large ones hardly gain.
KEPT_BYTES = 1 << 30
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
            yield [
                (int(indices[i]), (self._seed + _AUGMENTATION, step, i)) for i in range(*share.indices(len(indices)))
            ]

    def __len__(self) -> int:
        return len(self._steps)


def default_workers(device: torch.device, processes: int = 1) -> int:
    """Worker processes for a recipe that leaves it open: on a CPU the training needs a core itself."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    mine = max(cores // processes, 1)
    return mine - 1 if device.type == "cpu" else min(mine, GPU_WORKERS_AT_MOST)


def batches(
    faces: FaceSet,
    augmentation: Augmentation,
    sampler: Sampler,
    *,
    seed: int,
    steps: range,
    ranks: Ranks,
    workers: int,
) -> Iterator[Tensor]:
    """For each step this process's share of the batch: (n, h, w, 3) uint8 RGB.

    Raises TrainingError where an image cannot be read.
    """
    loader = DataLoader(
        _Crops(faces, augmentation, KEPT_BYTES // max(workers, 1)),
        batch_sampler=_Steps(sampler, seed, steps, ranks),
        num_workers=workers,
        pin_memory=ranks.device.type == "cuda",
        multiprocessing_context=_CONTEXT if workers else None,
        prefetch_factor=4 if workers else None,
        collate_fn=_stacked,
        worker_init_fn=_quiet,
    )
    for batch in loader:
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
