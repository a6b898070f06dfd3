"""Folders with made-up photos of people, for the fake pipeline."""

from pathlib import Path

import numpy as np
from conftest import Picture
from PIL import Image

__all__ = ["save_people"]


def save_people(folder: Path, people: int, photos: int) -> Path:
    """A folder for each person, whose photos differ by a little noise."""
    noise = np.random.default_rng(0)
    for person in range(people):
        for photo in range(photos):
            path = Picture.save(folder / f"person {person}" / f"{photo}.png", f"person {person}")
            pixels = np.asarray(Image.open(path)).astype(int)
            shift = noise.integers(-12, 13, (2, 2, 3)).repeat(32, axis=0).repeat(32, axis=1)
            Image.fromarray((pixels + shift).clip(1, 255).astype(np.uint8)).save(path)
    return folder
