"""Which images make a batch.

A sampler has no state: the batch of a step follows from the seed and the step's number. So a run that was interrupted
goes on with the very batches that it would have had, and processes agree without talking to each other.
"""

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facesearch.core.errors import InputError
from train.config import BatchConfig

__all__ = ["PeopleByImages", "RandomTriplets", "Sampler", "make_sampler"]

Indices = NDArray[np.int64]
# Told apart, so that no two drawings of one seed are the same.
_PEOPLE, _IMAGES, _TRIPLETS = 1, 2, 3


class Sampler(Protocol):
    """The batches of a run."""

    def batch(self, step: int) -> Indices:
        """(batch size,) indices of the images of this step, counted from 0."""
        ...


class PeopleByImages:
    """P people with K images each (FaceNet, section 3.2: "around 40 faces per identity per mini-batch").

    Every person with two images or more is seen once before any is seen again, and so are the images of a person. Who
    has fewer than K images is seen with some of them twice, differently augmented.
    """

    def __init__(self, labels: ArrayLike, people: int, images: int, seed: int) -> None:
        """Args: labels (n,), whose each image is. Raises InputError where there are too few people with two images."""
        given = np.asarray(labels)
        rows = [np.flatnonzero(given == person) for person in np.unique(given)]
        self._rows = [row for row in rows if len(row) >= 2]
        self.people_left_out = len(rows) - len(self._rows)
        self._people, self._images, self._seed = people, images, seed
        if len(self._rows) < people:
            raise InputError(
                f"batches of {people} people need as many people with two images or more, and there are"
                f" {len(self._rows)} to train on ({self.people_left_out} more have one image): set batch.people lower"
            )

    def batch(self, step: int) -> Indices:
        """(P * K,) indices, the K images of a person next to each other."""
        round_, place = divmod(step, len(self._rows) // self._people)
        order = np.random.default_rng((self._seed, _PEOPLE, round_)).permutation(len(self._rows))
        chosen = order[place * self._people : (place + 1) * self._people]
        return np.concatenate([self._images_of(int(person), round_) for person in chosen])

    def _images_of(self, person: int, visit: int) -> Indices:
        rows = self._rows[person]
        pieces = max(len(rows) // self._images, 1)
        round_, piece = divmod(visit, pieces)
        order = np.random.default_rng((self._seed, _IMAGES, person, round_)).permutation(rows)
        return np.resize(order[piece * self._images :], self._images)


class RandomTriplets:
    """Anchor, positive and negative drawn at random: tbmoon/facenet's TripletDataset, the scheme to be better than."""

    def __init__(self, labels: ArrayLike, triplets: int, seed: int) -> None:
        """Args: labels (n,), whose each image is. Raises InputError where no two people, or no pair of images, is."""
        given = np.asarray(labels)
        self._rows = [np.flatnonzero(given == person) for person in np.unique(given)]
        self._paired = np.array([i for i, rows in enumerate(self._rows) if len(rows) >= 2])
        self._triplets, self._seed = triplets, seed
        if len(self._rows) < 2 or not len(self._paired):
            raise InputError("triplets need two people, and one of them with two images")

    def batch(self, step: int) -> Indices:
        """(3 * triplets,) indices: anchor, positive, negative, anchor, …"""
        generator = np.random.default_rng((self._seed, _TRIPLETS, step))
        drawn = []
        for person in generator.choice(self._paired, self._triplets):
            other = (person + generator.integers(1, len(self._rows))) % len(self._rows)
            drawn += [*generator.choice(self._rows[person], 2, replace=False), generator.choice(self._rows[other])]
        return np.array(drawn, np.int64)


def make_sampler(config: BatchConfig, labels: ArrayLike, seed: int) -> Sampler:
    """The sampler that a recipe names. Raises InputError as the samplers do."""
    if config.scheme == "random-triplets":
        return RandomTriplets(labels, config.triplets, seed)
    return PeopleByImages(labels, config.people, config.images, seed)
