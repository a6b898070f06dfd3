"""Several processes, one batch: what torchrun starts, on one machine or many.

Every process embeds its share of the batch; the embeddings are gathered, so that each mines and computes the loss over
the whole. Of the gathered embeddings only a process's own carry its gradient. DistributedDataParallel takes the mean
of the gradients over the processes, where their sum is the gradient of the whole batch: so the loss is multiplied by
their number.
"""

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from facesearch.core.device import pick_device
from facesearch.core.errors import InputError
from facesearch.core.torch_device import TorchDevice

__all__ = ["Ranks", "joined"]


@dataclass(frozen=True)
class Ranks:
    """This process among all: rank 0 validates, writes and speaks."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """This process's part of a batch. Raises InputError where the batch cannot be divided evenly."""
        if batch_size % self.count:
            raise InputError(f"a batch of {batch_size} images cannot be divided among {self.count} processes")
        each = batch_size // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def gather(self, embeddings: Tensor) -> Tensor:
        """(n / count, d) of each process -> (n, d) of all, in the order of the batch; differentiable in one's own."""
        if self.count == 1:
            return embeddings
        parts = [torch.empty_like(embeddings) for _ in range(self.count)]
        dist.all_gather(parts, embeddings.detach().contiguous())
        parts[self.rank] = embeddings
        return torch.cat(parts)

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module with gradients summed over the processes (see the top of this file)."""
        if self.count == 1:
            return module
        if self.device.type == "cuda":
            # else each process would normalise by its own share; frozen statistics would do on a CPU, too
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        elif any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules()):
            raise InputError("a network with batch normalisation needs CUDA to train in several processes")
        return DistributedDataParallel(module)

    def agree(self, flag: bool) -> bool:
        """What the first process says, for all."""
        if self.count == 1:
            return flag
        message = torch.tensor([int(flag)], device=self.device)
        dist.broadcast(message, src=0)
        return bool(message.item())


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun has started; alone without it.

    Raises InputError where there is no such device.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Ranks(TorchDevice(pick_device(device)).device)
        return
    local, rank = int(os.environ["LOCAL_RANK"]), int(os.environ["RANK"])
    kind = pick_device(device).partition(":")[0]
    place = TorchDevice(pick_device(f"cuda:{local}") if kind == "cuda" else kind).device
    if place.type == "cuda":
        torch.cuda.set_device(place)
    # the first process may measure LFW for minutes while the others wait for it
    dist.init_process_group("nccl" if place.type == "cuda" else "gloo", timeout=datetime.timedelta(hours=2))
    try:
        yield Ranks(place, rank, count)
        dist.barrier()  # nobody leaves while another still needs the group
    finally:
        dist.destroy_process_group()
