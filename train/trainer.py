"""A network, its optimizer, and one step of training."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from facesearch.core.errors import InputError
from facesearch.core.settings import ModelSpec
from facesearch.core.torch_device import TorchDevice
from facesearch.embedding import NetworkEmbedder
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.standardiser import Standardiser
from train.adapters import merge_adapters, merged_state
from train.blending import blend
from train.config import OptimizerConfig, Recipe
from train.distributed import Ranks
from train.errors import DivergedError
from train.losses import Batch, StepStatistics, TrainingLoss, statistics_of
from train.recording import RecordedStep, cuda_graph
from train.starting import live_embedder

__all__ = ["Trainer", "learning_rate"]

_DROPOUT, _MINING = 5, 6  # see train.samplers: no two drawings of one seed are the same


class Trainer:
    """Everything that changes while training."""

    def __init__(self, recipe: Recipe, module: nn.Module, spec: ModelSpec, ranks: Ranks, people: int = 0) -> None:
        """Args: people: of the training set, where the recipe has a margin by class.

        Raises InputError where the precision is not to be had on this device.
        """
        self.recipe, self.spec, self.ranks = recipe, spec, ranks
        self._place = TorchDevice(str(ranks.device))
        channels_last = recipe.run.channels_last and ranks.device.type != "mps"
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.module = module.to(ranks.device).to(memory_format=self.layout)
        self._start = _copied(merged_state(self.module)) if recipe.network.blend < 1 else None
        self._wrapped = ranks.wrap(self.module)
        self._standardise = Standardiser(spec.preprocessing, ranks.device, self.layout)
        self._loss = TrainingLoss(recipe.loss, people, spec.dim, recipe.run.seed)
        self._parameters = [p for p in module.parameters() if p.requires_grad] + self._head_parameters()
        self._lr = torch.tensor(recipe.optimizer.lr, device=ranks.device)
        self._optimizer = _optimizer(recipe.optimizer, self._parameters, self._lr)
        self._scaler = torch.amp.GradScaler(ranks.device.type, enabled=recipe.run.precision == "fp16")
        if recipe.run.precision == "fp16" and ranks.device.type != "cuda":
            raise InputError(f"run.precision fp16 needs CUDA, not {ranks.device}: use bf16 or fp32")
        why_not = self._why_not_recorded()
        self.recorded = RecordedStep(self._compute, None if why_not else cuda_graph, why_not)

    def step(
        self, step: int, crops: Tensor, labels: NDArray[np.int64], targets: NDArray[np.float32] | None
    ) -> Callable[[], StepStatistics]:
        """Learn from one batch, which the device may still do when this returns.

        Args:
            step: counted from 0.
            crops: this process's share, (n / processes, h, w, 3) uint8 RGB.
            labels: of the whole batch, (n,).
            targets: of the whole batch, (n, d), or None; see train.losses.Batch.

        Returns:
            A function that waits for the step and tells of it. It raises DivergedError where the loss or its gradient
            are not numbers; such a step has not changed the weights.
        """
        torch.manual_seed(self._seed(_DROPOUT, step, self.ranks.rank))
        self._lr.fill_(learning_rate(self.recipe.optimizer, step, self.recipe.run.steps))
        batch = self._loss.batch(labels, targets, self._seed(_MINING, step))
        known = {name: value for name, value in vars(batch).items() if value is not None}
        inputs = {"crops": crops.to(self.ranks.device, non_blocking=True)}
        inputs |= {name: self._place.upload(value.numpy()) for name, value in known.items()}
        wait = self._place.download(self.recorded(inputs))

        def told() -> StepStatistics:
            *values, norm = wait()
            statistics = statistics_of(np.array(values), step)
            if not (self._scaler.is_enabled() or math.isfinite(norm)):  # fp16's scaler passes over such steps
                raise DivergedError(f"the gradient is {norm} at step {step}: set optimizer.lr lower")
            return statistics

        return told

    def _why_not_recorded(self) -> str:
        """Empty where a step can be a CUDA graph."""
        if self.ranks.device.type != "cuda":
            return f"there are no graphs on {self.ranks.device.type}"
        if self.ranks.count > 1:
            return "several processes take part"
        if self._scaler.is_enabled():
            return "fp16 looks at its gradients in each step"
        return "" if self.recipe.run.recorded else "run.recorded is false"

    def _compute(self, inputs: dict[str, Tensor]) -> Tensor:
        """One step on the device: what the loss tells, and the gradient's length."""
        self._train_mode()
        self._optimizer.zero_grad(set_to_none=True)
        batch = Batch(**{name: value for name, value in inputs.items() if name != "crops"})
        with self._autocast():
            raw = self._wrapped(self._standardise(inputs["crops"]))
        embeddings = self.ranks.gather(functional.normalize(raw.float()))
        norms = self.ranks.gather(raw.detach().float().norm(dim=1)) if self._loss.head is not None else None
        loss, told = self._loss(embeddings, batch, norms)
        norm = self._descend(loss)
        return torch.cat([told, norm.reshape(1)])

    def _seed(self, *keys: int) -> int:
        return int(np.random.SeedSequence((self.recipe.run.seed, *keys)).generate_state(1)[0])

    def _head_parameters(self) -> list[nn.Parameter]:
        """The people's vectors. Every process has the whole batch's gradient of them, times `count` (see _descend)."""
        if self._loss.head is None:
            return []
        parameters = list(self._loss.head.to(self.ranks.device).parameters())
        for parameter in parameters:
            parameter.register_hook(lambda gradient: gradient / self.ranks.count)
        return parameters

    def _descend(self, loss: Tensor) -> Tensor:
        """Move the weights, but not by what is no number. Returns the gradient's length, 0 where it is not clipped."""
        self._scaler.scale(loss * self.ranks.count).backward()
        norm = loss.new_zeros(())
        if self.recipe.optimizer.clip_norm:
            self._scaler.unscale_(self._optimizer)
            norm = nn.utils.clip_grad_norm_(self._parameters, self.recipe.optimizer.clip_norm)
        if self._scaler.is_enabled():
            self._scaler.step(self._optimizer)
            self._scaler.update()
            return norm.detach()
        # what GradScaler sets, too: fused optimizers leave the weights where it is 1
        self._optimizer.found_inf = (~torch.isfinite(loss.detach() + norm)).float()  # type: ignore[attr-defined]
        self._optimizer.step()
        return norm.detach()

    def _train_mode(self) -> None:
        """Batch statistics of a frozen layer belong to what is frozen."""
        self._wrapped.train()
        for part in self.module.modules():
            if isinstance(part, _BatchNorm) and not any(p.requires_grad for p in part.parameters()):
                part.eval()

    def _autocast(self) -> AbstractContextManager[Any]:
        precision = self.recipe.run.precision
        kind = torch.float16 if precision == "fp16" else torch.bfloat16
        return torch.autocast(self.ranks.device.type, kind, enabled=precision != "fp32")

    def result(self) -> dict[str, Tensor]:
        """The weights that a checkpoint holds: without adapters, and blended with the start's."""
        trained = merged_state(self.module)
        return trained if self._start is None else blend(self._start, trained, self.recipe.network.blend)

    def embedder(self) -> NetworkEmbedder:
        """The product's own embedder around what a checkpoint would hold now."""
        module = self.module
        if self._start is not None:
            module = ARCHITECTURES[self.spec.network](self.spec.dim).to(self.ranks.device)
            module = module.to(memory_format=self.layout)
            module.load_state_dict(self.result())
        return live_embedder(module, self.spec, self.ranks.device, self.layout)

    def take_over(self, result: Mapping[str, Tensor]) -> None:
        """Hold the weights of a checkpoint, to measure and to write them; they cannot be trained on any more."""
        merge_adapters(self.module)
        self.module.load_state_dict(result)
        self._start = None

    def state(self) -> dict[str, Any]:
        """For a snapshot."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": torch.get_rng_state(),
        } | ({} if self._loss.head is None else {"head": self._loss.head.state_dict()})

    def load_state(self, state: dict[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        for group in self._optimizer.param_groups:
            group["lr"] = self._lr  # what a recording reads
        self._scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"])
        if self._loss.head is not None:
            self._loss.head.load_state_dict(state["head"])


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in state.items()}


def learning_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """A straight rise to lr over warmup_steps, then what the schedule says; step is counted from 0."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.lr
    done = (step - config.warmup_steps) / max(steps - config.warmup_steps, 1)
    return config.lr * (1 + math.cos(math.pi * done)) / 2


def _optimizer(config: OptimizerConfig, parameters: list[nn.Parameter], lr: Tensor) -> torch.optim.Optimizer:
    """Args: lr: on the device, read at each step."""
    settings: dict[str, Any] = {"lr": lr, "weight_decay": config.weight_decay, "fused": lr.device.type != "mps"}
    if config.name == "sgd":
        return torch.optim.SGD(parameters, momentum=0.9, **settings)
    return torch.optim.AdamW(parameters, capturable=lr.device.type == "cuda", **settings)
