"""Canvases of the coming steps, cut and put together by threads while the device computes.

Threads, not processes: they begin at once, and what one of them has decoded is there for all. Decoding and cutting
leave Python's lock to others for most of their time.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.canvases import Canvases

__all__ = ["AHEAD", "Staging"]

# Batches that are made before the one that is asked for.
AHEAD = 4


class Staging:
    """For each step its canvases, (n, height, width, 3) uint8; begins with the first ones when it is made."""

    def __init__(
        self,
        canvases: Canvases,
        rows_of: Callable[[int], NDArray[np.int64]],
        steps: range,
        threads: int,
        pinned: bool,
    ) -> None:
        """Args: threads: that cut; 0 to do it in the thread that asks. pinned: memory from which CUDA copies."""
        self._canvases, self._rows_of, self._pinned = canvases, rows_of, pinned
        self._steps, self._threads = iter(steps), threads
        self._coming: deque[Future[Tensor]] = deque()
        self._stager, self._cutters = ThreadPoolExecutor(1), ThreadPoolExecutor(max(threads, 1))
        if threads:
            self._go_on(AHEAD)

    def __iter__(self) -> Iterator[Tensor]:
        """Raises TrainingError where an image cannot be read, in the place of its batch."""
        if not self._threads:
            yield from map(self._staged, self._steps)
        while self._coming:
            batch = self._coming.popleft().result()
            self._go_on(1)
            yield batch

    def close(self) -> None:
        """End the threads; what is not begun is not done any more."""
        for pool in (self._stager, self._cutters):
            pool.shutdown(cancel_futures=True)

    def _go_on(self, steps: int) -> None:
        self._coming.extend(self._stager.submit(self._staged, step) for step in islice(self._steps, steps))

    def _staged(self, step: int) -> Tensor:
        rows, ways = self._rows_of(step), max(self._threads, 1)
        batch = torch.empty((len(rows), *self._canvases.shape), dtype=torch.uint8, pin_memory=self._pinned)
        parts = [slice(first, None, ways) for first in range(ways)]
        where = self._cutters.map if self._threads else map
        for _ in where(self._fill, [rows[part] for part in parts], [batch.numpy()[part] for part in parts]):
            pass
        return batch

    def _fill(self, rows: NDArray[np.int64], canvases: NDArray[np.uint8]) -> None:
        for row, canvas in zip(rows.tolist(), canvases, strict=True):
            self._canvases.fill(row, canvas)
