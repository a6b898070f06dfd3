"""How fast training is beside a plain PyTorch loop on the same crops: images per second, and seconds to the first step.

    python -m train.speed CROPS [--recipe smoke] [--set run.precision=bf16] [--steps 40] [--rounds 3] [--device cpu]

CROPS is what `python -m train align` has made. Both train the same network on batches of the same size, with triplets
of the hardest in the batch, and vary crops by mirroring, moving, turning and light. The plain loop is what a newcomer
writes: a Dataset that opens images with Pillow, torchvision's transforms, a DataLoader without workers, Adam,
`loss.item()` after each step. Ways take turns; the rate is that of the second half of the steps, the median of rounds.

Beside that, without any loading: steps of the trainer on one batch that is on the device, and the bare network with a
loss of fixed triplets and a fused optimizer, as a CUDA graph where the device is one.
"""

import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from facesearch.core.device import pick_device
from train.batches import batches
from train.config import Recipe, read_recipe
from train.dataset import FaceSet, read_faces
from train.distributed import joined
from train.loop import READ_LATER
from train.recording import WARM_UP, cuda_graph
from train.samplers import make_sampler
from train.starting import start
from train.trainer import Trainer

__all__ = ["compare"]

MARGIN = 0.2
BARE_STEPS = 20


class _Crops(Dataset[tuple[Tensor, int]]):
    """Crops as a newcomer reads them."""

    def __init__(self, faces: FaceSet, recipe: Recipe, size: tuple[int, int]) -> None:
        self._faces, vary = faces, recipe.augment
        self._transform = transforms.Compose(
            [
                transforms.Resize(size),
                transforms.RandomHorizontalFlip(vary.mirror),
                transforms.RandomAffine(vary.turn, (vary.shift, vary.shift), (1 - vary.scale, 1 + vary.scale)),
                transforms.ColorJitter(brightness=vary.light, contrast=vary.light),
                transforms.ToTensor(),
                transforms.Normalize([0.5] * 3, [0.5] * 3),
            ]
        )

    def __len__(self) -> int:
        return len(self._faces)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        with Image.open(self._faces.images[row].path) as image:
            return self._transform(image.convert("RGB")), int(self._faces.labels[row])


def plain_steps(faces: FaceSet, recipe: Recipe, device: str) -> Iterator[None]:
    """One step of the plain loop for each `next`."""
    module, spec = start(recipe.network, recipe.run.seed)
    module.to(device).train()
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], recipe.optimizer.lr)
    sampler = make_sampler(recipe.batch, faces.labels, recipe.run.seed)
    rows = [sampler.batch(step).tolist() for step in range(recipe.run.steps)]
    loader = DataLoader(_Crops(faces, recipe, spec.preprocessing.size), batch_sampler=rows)
    for images, labels in loader:
        embeddings = functional.normalize(module(images.to(device)))
        loss = _hardest(embeddings, labels.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
        yield


def _hardest(embeddings: Tensor, labels: Tensor) -> Tensor:
    """Hermans et al., "In Defense of the Triplet Loss" (2017): for each, the farthest of its own, the nearest other."""
    distances = torch.cdist(embeddings, embeddings)
    same = labels[:, None] == labels[None]
    farthest = (distances * same).max(1).values
    nearest = distances.masked_fill(same, torch.inf).min(1).values
    return nn.functional.relu(farthest - nearest + MARGIN).mean()


def our_steps(faces: FaceSet, recipe: Recipe, device: str) -> Iterator[None]:
    """One step of `python -m train fit` for each `next`, without validation and snapshots."""
    with joined(device) as ranks:
        sampler = make_sampler(recipe.batch, faces.labels, recipe.run.seed)
        trainer = Trainer(recipe, *start(recipe.network, recipe.run.seed), ranks, len(faces.people))
        prepared = batches(recipe, trainer.spec.preprocessing, faces, sampler, ranks)
        untold: deque[Callable[[], object]] = deque()
        for step, crops in enumerate(prepared):
            untold.append(trainer.step(step, crops, faces.labels[sampler.batch(step)], None))
            if len(untold) > READ_LATER:
                untold.popleft()()
            yield


def trainer_rate(faces: FaceSet, recipe: Recipe, device: str) -> float:
    """Images per second of Trainer.step on one batch that is on the device."""
    with joined(device) as ranks:
        trainer = Trainer(recipe, *start(recipe.network, recipe.run.seed), ranks, len(faces.people))
        labels = faces.labels[make_sampler(recipe.batch, faces.labels, recipe.run.seed).batch(0)]
        crops = torch.zeros((len(labels), *trainer.spec.preprocessing.size, 3), dtype=torch.uint8, device=ranks.device)
        crops.random_(0, 256)
        return recipe.batch.size * _rate(lambda: trainer.step(0, crops, labels, None), ranks.device)


def bare_rate(recipe: Recipe, device: str) -> float:
    """Images per second of the network's steps on one batch: forward, backward, and the optimizer."""
    module, spec = start(recipe.network, recipe.run.seed)
    layout = torch.channels_last if recipe.run.channels_last else torch.contiguous_format
    module.to(device).to(memory_format=layout).train()
    shape = (recipe.batch.size, 3, *spec.preprocessing.size)
    images = torch.randn(shape, device=device).contiguous(memory_format=layout)
    parameters = [p for p in module.parameters() if p.requires_grad]
    place = torch.device(device)
    on_cuda = place.type == "cuda"
    optimizer = torch.optim.AdamW(parameters, recipe.optimizer.lr, fused=True, capturable=on_cuda)
    kind = torch.float16 if recipe.run.precision == "fp16" else torch.bfloat16

    def compute() -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(place.type, kind, enabled=recipe.run.precision != "fp32"):
            raw = module(images)
        embeddings = functional.normalize(raw.float())
        anchors, positives, negatives = embeddings, embeddings.roll(1, 0), embeddings.roll(recipe.batch.size // 2, 0)
        loss = functional.triplet_margin_loss(anchors, positives, negatives, MARGIN)
        loss.backward()
        optimizer.step()
        return loss.detach()

    for _ in range(WARM_UP):
        compute()
    replay: Callable[[], object] = cuda_graph(compute)[0] if on_cuda else compute
    return recipe.batch.size * _rate(replay, place)


def _rate(step: Callable[[], object], device: torch.device) -> float:
    """Steps per second, the first ones left out."""

    def done() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    for _ in range(WARM_UP + 2):
        step()
    began = done()
    for _ in range(BARE_STEPS):
        step()
    return BARE_STEPS / (done() - began)


def compare(crops: Path, recipe: Recipe, device: str, steps: int, rounds: int) -> dict[str, Any]:
    """Images per second in steady state and over all steps, and seconds to the first step, of both; medians.

    Also images per second without loading, of the trainer's steps and of the bare network's.
    """
    faces = read_faces(crops)
    recipe = replace(
        recipe,
        run=replace(recipe.run, steps=steps),
        loss=replace(recipe.loss, miner="batch-hard", margin=MARGIN),
    )
    ways: dict[str, Callable[[FaceSet, Recipe, str], Iterator[None]]] = {"ours": our_steps, "plain": plain_steps}
    found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, make in ways.items():
            found[way].append(_timed(make(faces, recipe, pick_device(device)), recipe.batch.size))
    figures: dict[str, Any] = {
        way: dict(
            zip(
                ("images_per_s", "whole_images_per_s", "first_step_s"),
                map(statistics.median, zip(*some, strict=True)),
                strict=True,
            )
        )
        for way, some in found.items()
    }
    figures["ratio"] = figures["ours"]["images_per_s"] / figures["plain"]["images_per_s"]
    figures["trainer_images_per_s"] = trainer_rate(faces, recipe, pick_device(device))
    figures["bare_images_per_s"] = bare_rate(recipe, pick_device(device))
    about = {"network": recipe.network.start or recipe.network.name, "batch": recipe.batch.size, "device": device}
    return about | {"precision": recipe.run.precision, "steps": steps, "rounds": rounds} | figures


def _timed(steps: Iterator[None], batch: int) -> tuple[float, float, float]:
    began = time.perf_counter()
    done = []
    for _ in steps:
        done.append(time.perf_counter() - began)
    half = len(done) // 2
    return (len(done) - half) * batch / (done[-1] - done[half - 1]), len(done) * batch / done[-1], done[0]


def main(
    crops: Annotated[Path, typer.Argument(help="Crops, as `python -m train align` makes them.")],
    recipe: Annotated[str, typer.Option(help="A name from `python -m train recipes`, or a .toml file.")] = "smoke",
    change: Annotated[list[str] | None, typer.Option("--set", help="Change the recipe; repeatable.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    steps: Annotated[int, typer.Option(min=4, help="Of each round.")] = 40,
    rounds: Annotated[int, typer.Option(min=1, help="Medians count.")] = 3,
) -> None:
    """Print both as JSON."""
    print(json.dumps(compare(crops, read_recipe(recipe, change or ()), device, steps, rounds), indent=2))


if __name__ == "__main__":
    typer.run(main)
