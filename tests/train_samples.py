"""Made-up people for the tests of training: every person is a pattern, every image of them a noisy version of it."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from train.config import Recipe
from train.loop import Job

SIDE = 48


def make_people(folder: Path, people: int = 20, images: int = 6, seed: int = 0) -> Path:
    """A folder for each person, 48 x 48 pixels an image: a pattern of the person's, under the stronger one of a light.

    The light is the same for all and its strength another for every image, so that a network which has learnt nothing
    is misled by it, and one that has learnt anything has learnt to see through it.
    """
    generator = np.random.default_rng(seed)
    light = generator.normal(size=(4, 4, 3))
    for person in range(people):
        place = folder / f"p{person:02}"
        place.mkdir(parents=True)
        pattern = generator.normal(size=(4, 4, 3)) * 30
        for image in range(images):
            values = 128 + pattern + generator.normal() * 60 * light
            small = Image.fromarray(values.clip(0, 255).astype(np.uint8))
            small.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(place / f"{image}.png")
    return folder


def recipe(**tables: dict[str, object]) -> Recipe:
    """A recipe of seconds, changed table by table."""
    base: dict[str, dict[str, object]] = {
        "network": {"name": "small-cnn", "dim": 16},
        "data": {"held_out": 0.4, "workers": 0},
        "batch": {"people": 4, "images": 3},
        "optimizer": {"lr": 3e-4, "warmup_steps": 3, "clip_norm": 1.0},
        "run": {"steps": 12, "validate_every": 6, "snapshot_every": 4},
    }
    return Recipe.from_dict({name: base.get(name, {}) | tables.get(name, {}) for name in {*base, *tables}})


def job(people: Path, out: Path, **tables: dict[str, object]) -> Job:
    return Job(recipe(**tables), people, out, device="cpu")


def unit_vectors(n: int, d: int = 6, seed: int = 0) -> Tensor:
    values = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32))
    return torch.nn.functional.normalize(values)
