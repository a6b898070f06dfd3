"""Where photos are analysed: in threads of this process, or in worker processes where it has many cores.

That holds for GPUs as well: what is done to pixels before and after the networks is work for cores, and one process
does too little of it to keep a GPU busy.
"""

from typing import TYPE_CHECKING

from facesearch.core.device import free_bytes
from facesearch.core.errors import InputError
from facesearch.core.executor import CORES, Executor, Room, ThreadExecutor
from facesearch.core.memory import MEMORY_INFO, MEMORY_LIMIT, free_memory
from facesearch.core.processes import ProcessExecutor

if TYPE_CHECKING:
    from facesearch.pipeline.pipeline import Pipeline

__all__ = ["executor_for"]

# Threads share Python's lock, which is worth the start of processes from so many cores and photos on; with PyTorch and
# a GPU the start takes longer.
THREADS_UP_TO, PHOTOS_FROM, PHOTOS_FROM_ON_GPU = 4, 500, 2000
# What a worker takes for networks and photos; all of them take half of the memory that there is at most.
WORKER_BYTES = 450 << 20
# The same with PyTorch for a GPU, and what it takes there.
GPU_WORKER_BYTES, ON_GPU_BYTES = 3 << 30, 3 << 30


def executor_for(
    pipeline: "Pipeline", wanted: Executor | int | None, photos: int, room: Room | None = None
) -> Executor:
    """The executor for so many photos.

    Args:
        room: how much it may have in hand; an executor that is given has its own.
        wanted: an executor, or how many processes: 1 for threads of this one. None for what is faster.

    Raises:
        InputError: fewer than one worker, or several for a device that only one process can use.
    """
    if not isinstance(wanted, int | None):
        return wanted
    if wanted is not None and wanted < 1:
        raise InputError(f"{wanted} workers cannot index photos: give 1 or more, or none to have facesearch choose")
    shared = pipeline.device == "cpu" or pipeline.device.startswith("cuda")
    if wanted is not None and wanted > 1 and not shared:
        raise InputError(f"--workers {wanted} is for CPUs and CUDA: leave it out with --device {pipeline.device}")
    if wanted is None:
        wanted = _best(photos, pipeline.device) if shared and pipeline.can_be_pickled else 1
    return ThreadExecutor(pipeline.workers, room) if wanted == 1 else ProcessExecutor(wanted, room)


def _best(photos: int, device: str) -> int:
    """One worker for each core that has memory for it; 1 where threads do."""
    on_gpu = device != "cpu"
    workers = min(CORES, _memory_bytes() // 2 // (GPU_WORKER_BYTES if on_gpu else WORKER_BYTES))
    if workers <= THREADS_UP_TO or photos < (PHOTOS_FROM_ON_GPU if on_gpu else PHOTOS_FROM):
        return 1
    if on_gpu:
        workers = min(workers, free_bytes(device) // 2 // ON_GPU_BYTES)
    return max(workers, 1)


def _memory_bytes() -> int:
    """What processes may still take, by the system and by the limit of a container; without bounds where none say."""
    most, free = CORES * 4 * GPU_WORKER_BYTES, free_memory(MEMORY_INFO, MEMORY_LIMIT)
    return most if free is None else min(most, free)
