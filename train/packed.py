"""Images of data sets that are packed into few large files: aligned crops with whose face each shows.

What reads them: train/recordio.py and train/shards.py. A person has a folder of the crops, named by the label.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

__all__ = ["PackedImage", "PackedSet", "packed_image"]

# File systems take 255 bytes, and exports add to names.
MAX_NAME_BYTES = 200


@dataclass(frozen=True)
class PackedImage:
    """One image.

    source: PERSON/NAME.jpg, what it is called in the manifest, and its crop; NAME.jpg where there is no person.
    data: as it is encoded. problem: why it cannot be taken, or empty.
    start: where it begins, in bytes of the data set.
    """

    source: str
    data: bytes = field(repr=False)
    start: int
    problem: str = ""


class PackedSet(Protocol):
    """A data set in few large files."""

    @property
    def path(self) -> Path:
        """What was given: a file, or a folder."""
        ...

    @property
    def size_bytes(self) -> int:
        """Of all its files. Raises InputError where one cannot be read."""
        ...

    def images(self) -> Iterator[PackedImage]:
        """All of them, always in the same order and with the same sources, one in memory at a time.

        Raises InputError where a file is damaged.
        """
        ...


def packed_image(label: int | str | None, name: str, data: bytes, start: int) -> PackedImage:
    """An image, with the problem that its label or its data has.

    Args:
        label: the number of a person from 0, or a name; None where there is none.
        name: of the image, without a suffix; no other image of the set has it.
    """
    person = f"{label:07d}" if isinstance(label, int) and label >= 0 else label
    if not isinstance(person, str) or not _can_be_a_folder(person):
        return PackedImage(f"{name}.jpg", b"", start, "its label is no person's number or name")
    return PackedImage(f"{person}/{name}.jpg", data, start, "" if data else "holds no image")


def _can_be_a_folder(name: str) -> bool:
    """Whether a label from a file that anybody may have written is safe as the name of a folder, on any system."""
    return (
        name.isprintable()
        and not set(name) & set('/\\:*?"<>|')
        and name == name.strip(" .")
        and 0 < len(name.encode()) <= MAX_NAME_BYTES
    )
