"""A network, its optimizer, and one step of training."""

import math
from collections.abc import Mapping
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
from facesearch.embedding import NetworkEmbedder
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.standardiser import Standardiser
from train.adapters import merge_adapters, merged_state
from train.blending import blend
from train.config import OptimizerConfig, Recipe
from train.distributed import Ranks
from train.errors import DivergedError
from train.losses import StepStatistics, TrainingLoss
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
        channels_last = recipe.run.channels_last and ranks.device.type != "mps"
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.module = module.to(ranks.device).to(memory_format=self.layout)
        self._start = _copied(merged_state(self.module)) if recipe.network.blend < 1 else None
        self._wrapped = ranks.wrap(self.module)
        self._standardise = Standardiser(spec.preprocessing, ranks.device, self.layout)
        self._loss = TrainingLoss(recipe.loss, people, spec.dim, recipe.run.seed)
        self._parameters = [p for p in module.parameters() if p.requires_grad] + self._head_parameters()
        self._optimizer = _optimizer(recipe.optimizer, self._parameters)
        self._scaler = torch.amp.GradScaler(ranks.device.type, enabled=recipe.run.precision == "fp16")
        if recipe.run.precision == "fp16" and ranks.device.type != "cuda":
            raise InputError(f"run.precision fp16 needs CUDA, not {ranks.device}: use bf16 or fp32")

    def step(
        self, step: int, crops: Tensor, labels: NDArray[np.int64], targets: NDArray[np.float32] | None
    ) -> StepStatistics:
        """Learn from one batch.

        Args:
            step: counted from 0.
            crops: this process's share, (n / processes, h, w, 3) uint8 RGB.
            labels: of the whole batch, (n,).
            targets: of the whole batch, (n, d), or None; see TrainingLoss.

        Raises:
            DivergedError: the loss is not a number; the weights are as they were before the step.
        """
        self._train_mode()
        torch.manual_seed(self._seed(_DROPOUT, step, self.ranks.rank))
        with self._autocast():
            raw = self._wrapped(self._standardise(crops))
        embeddings = self.ranks.gather(functional.normalize(raw.float()))
        norms = self.ranks.gather(raw.detach().float().norm(dim=1)) if self._loss.head is not None else None
        held = None if targets is None else self._sent(targets)
        loss, statistics = self._loss(embeddings, self._sent(labels), held, norms, self._seed(_MINING, step))
        if not math.isfinite(statistics.loss):
            raise DivergedError(f"the loss is {statistics.loss} at step {step}: set optimizer.lr lower, or clip_norm")
        self._descend(step, loss)
        return statistics

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

    def _descend(self, step: int, loss: Tensor) -> None:
        config = self.recipe.optimizer
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(config, step, self.recipe.run.steps)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss * self.ranks.count).backward()
        if config.clip_norm:
            self._scaler.unscale_(self._optimizer)
            norm = nn.utils.clip_grad_norm_(self._parameters, config.clip_norm)
            if not (self._scaler.is_enabled() or torch.isfinite(norm)):  # fp16's scaler passes over such steps
                raise DivergedError(f"the gradient is {norm.item()} at step {step}: set optimizer.lr lower")
        self._scaler.step(self._optimizer)
        self._scaler.update()

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

    def _sent(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.ranks.device, non_blocking=True)

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


def _optimizer(config: OptimizerConfig, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    if config.name == "sgd":
        return torch.optim.SGD(parameters, config.lr, momentum=0.9, weight_decay=config.weight_decay, fused=True)
    return torch.optim.AdamW(parameters, config.lr, weight_decay=config.weight_decay, fused=True)
