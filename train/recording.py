"""A step that is recorded once as a CUDA graph and then replayed, so that its kernels are not launched one by one.

What is recorded must read nothing back from the device, and have inputs of the same shapes each time. Where it cannot
be recorded, it is computed as before, and says why.
"""

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["WARM_UP", "RecordedStep", "cuda_graph"]

# Steps before the recording, in which libraries choose their algorithms and the optimizer makes its state.
WARM_UP = 3

Inputs = dict[str, Tensor]
# Runs a function once without effect, and gives another that has its effects each time, with its result.
Recorder = Callable[[Callable[[], Tensor]], tuple[Callable[[], None], Tensor]]


class RecordedStep:
    """Computes a step from its inputs."""

    def __init__(self, compute: Callable[[Inputs], Tensor], recorder: Recorder | None, why_not: str = "") -> None:
        """Args: recorder: None to compute each step anew, for the reason in `why_not`."""
        self._compute, self._recorder, self.why_not = compute, recorder, why_not
        self._steps = 0
        self._held: Inputs = {}
        self._replay: Callable[[], None] | None = None
        self._result: Tensor | None = None

    @property
    def is_recorded(self) -> bool:
        return self._replay is not None

    def __call__(self, inputs: Inputs) -> Tensor:
        """What `compute` gives, on the device; the next call may overwrite it, in the order of the device's work."""
        self._steps += 1
        if self._recorder is not None and self._replay is None and self._steps > WARM_UP:
            self._record(inputs, self._recorder)
        if self._replay is None or self._result is None or _shapes(inputs) != _shapes(self._held):
            return self._compute(inputs)
        for name, value in inputs.items():
            self._held[name].copy_(value, non_blocking=True)
        self._replay()
        return self._result

    def _record(self, inputs: Inputs, recorder: Recorder) -> None:
        self._held = {name: value.clone() for name, value in inputs.items()}
        try:
            self._replay, self._result = recorder(lambda: self._compute(self._held))
        except RuntimeError as error:  # CUDA's and PyTorch's own
            self._recorder, self._held = None, {}
            self.why_not = f"it could not be recorded: {str(error).splitlines()[0]}"


def cuda_graph(compute: Callable[[], Tensor]) -> tuple[Callable[[], None], Tensor]:
    """A Recorder on the current CUDA device. Raises RuntimeError where something in it cannot be recorded."""
    graph = torch.cuda.CUDAGraph()
    # other threads pin memory meanwhile
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        result = compute()
    return graph.replay, result


def _shapes(inputs: Inputs) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in inputs.items()}
