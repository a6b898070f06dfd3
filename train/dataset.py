"""Faces with people's names, from an aligned data set or from plain folders, and the crops that a network sees.

Every crop is made by `facesearch.pipeline.alignment.align` from the five landmarks, as the product makes it. Images
without landmarks (plain folders, as davidsandberg/facenet and tbmoon/facenet train on) are taken as they lie: the
middle 160 of 182 pixels, the lineage's own crop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError, PhotoError
from facesearch.core.settings import Preprocessing
from facesearch.evaluation.labelled import people_in
from facesearch.media import open_photo
from facesearch.pipeline.alignment import Similarity, align, similarity
from train.config import DataConfig
from train.errors import TrainingError
from train.manifest import MANIFEST, read_manifest

__all__ = ["FaceImage", "FaceSet", "about_centre", "crop_of", "load_crop", "read_faces", "read_pixels", "split_people"]

# tbmoon/facenet and davidsandberg/facenet cut 160 x 160 out of 182 x 182.
PLAIN_SHARE = 160 / 182


@dataclass(frozen=True)
class FaceImage:
    """One image of one face.

    landmarks: five (x, y) in its pixels, continuous; None where they are not known.
    """

    path: Path
    person: str
    landmarks: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class FaceSet:
    """n images, sorted by person and path."""

    images: tuple[FaceImage, ...]

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def people(self) -> list[str]:
        return sorted({image.person for image in self.images})

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(n,) index into `people`."""
        index = {person: i for i, person in enumerate(self.people)}
        return np.array([index[image.person] for image in self.images], np.int64)

    def of(self, people: Strings) -> "FaceSet":
        """The images of these people only."""
        wanted = set(as_strings(people))
        return FaceSet(tuple(image for image in self.images if image.person in wanted))

    def summary(self) -> dict[str, object]:
        """What it is, for people: counts, and whether there are landmarks."""
        counts = np.bincount(self.labels) if len(self) else np.zeros(1, int)
        return {
            "people": len(self.people),
            "images": len(self),
            "images_per_person": [int(counts.min()), float(np.median(counts)), int(counts.max())],
            "people_with_one_image": int((counts == 1).sum()),
            "aligned": all(image.landmarks is not None for image in self.images),
        }


def read_faces(folder: Path) -> FaceSet:
    """The images of an aligned data set (`python -m train align`), or of a folder with a folder for each person.

    Raises:
        InputError: no such folder, a damaged manifest, or fewer than two people.
    """
    if (folder / MANIFEST).exists():
        latest = {entry.source: entry for entry in read_manifest(folder)}
        images = [
            FaceImage(folder / entry.file, entry.person, entry.landmarks) for entry in latest.values() if entry.file
        ]
    else:
        images = [FaceImage(path, person) for path, person in people_in(folder)]
    faces = FaceSet(tuple(sorted(images, key=lambda image: (image.person, image.path))))
    if len(faces.people) < 2:
        raise InputError(f"{folder} has images of {len(faces.people)} people; learning who is who takes two at least")
    return faces


def split_people(faces: FaceSet, config: DataConfig) -> tuple[FaceSet, FaceSet]:
    """Those to learn from, and those kept out to measure it on; nobody is in both parts.

    Raises:
        InputError: fewer than four people have two images, so that a part would have no pair to learn or measure.
    """
    counts = dict(zip(faces.people, np.bincount(faces.labels).tolist(), strict=True))
    paired = [person for person, count in counts.items() if count >= 2]
    if len(paired) < 4:
        raise InputError(
            f"{len(paired)} of {len(faces.people)} people have two images or more; training and measuring on other"
            " people take two each"
        )
    order = np.random.default_rng(config.split_seed).permutation(len(paired))
    wanted = min(max(round(config.held_out * len(paired)), 2), len(paired) - 2)
    drawn = [paired[i] for i in order[:wanted]]
    images = np.cumsum([counts[person] for person in drawn])
    kept_out = set(drawn[: max(int(np.searchsorted(images, config.held_out_images, side="right")), 2)])
    return faces.of([person for person in faces.people if person not in kept_out]), faces.of(sorted(kept_out))


def load_crop(image: FaceImage, preprocessing: Preprocessing, scale: float = 1.0) -> NDArray[np.uint8]:
    """The crop that the product would make.

    Args:
        scale: of the face in the crop, 1 being as the template says.

    Returns:
        (height, width, 3) uint8.

    Raises:
        TrainingError: the file cannot be read.
    """
    return crop_of(read_pixels(image), image.landmarks, preprocessing, about_centre(preprocessing, scale))


def read_pixels(image: FaceImage) -> NDArray[np.uint8]:
    """(h, w, 3) uint8. Raises TrainingError where the file cannot be read."""
    try:
        return open_photo(image.path).decode().rgb
    except PhotoError as error:
        raise TrainingError(
            f"{image.path} cannot be read ({error}): remove it, or run `python -m train align`, which leaves such out"
        ) from error


def about_centre(
    preprocessing: Preprocessing, scale: float, angle: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)
) -> Similarity:
    """Scaling and turning (radians) about the crop's centre, then shifting (pixels), all in the crop."""
    height, width = preprocessing.size
    centre = np.array([width, height]) / 2
    x, y = centre + shift - Similarity(scale, angle, 0.0, 0.0)(centre[None])[0]
    return Similarity(scale, angle, float(x), float(y))


def crop_of(
    pixels: NDArray[np.uint8],
    landmarks: Sequence[Sequence[float]] | None,
    preprocessing: Preprocessing,
    moved: Similarity,
    margin: int = 0,
) -> NDArray[np.uint8]:
    """A crop that is the product's, moved within its frame: one resampling for both.

    Args:
        pixels: (h, w, 3) uint8.
        landmarks: five (x, y) in pixels, or None to take the middle of the picture.
        moved: in the crop's pixels.
        margin: so many pixels more on each side.

    Returns:
        (height + 2 * margin, width + 2 * margin, 3) uint8.
    """
    template = np.asarray(preprocessing.landmarks, np.float64) + 0.5  # centres at whole numbers -> continuous
    if landmarks is None:
        to_crop = _middle(preprocessing, pixels.shape[1], pixels.shape[0])
    else:
        to_crop = similarity(np.asarray(landmarks, np.float64), template)
    # `align` takes these points to the template; that is to_crop, and then moved.
    points = to_crop.inverse()(moved.inverse()(template))
    return align(pixels, points, _widened(preprocessing, margin))


def _widened(preprocessing: Preprocessing, margin: int) -> Preprocessing:
    height, width = preprocessing.size
    landmarks = tuple((x + margin, y + margin) for x, y in preprocessing.landmarks)
    return replace(preprocessing, size=(height + 2 * margin, width + 2 * margin), landmarks=landmarks)


def _middle(preprocessing: Preprocessing, width: int, height: int) -> Similarity:
    """From a picture of this size to a crop of its middle."""
    crop_height, crop_width = preprocessing.size
    scale = max(crop_width / width, crop_height / height) / PLAIN_SHARE
    return Similarity(scale, 0.0, (crop_width - width * scale) / 2, (crop_height - height * scale) / 2)
