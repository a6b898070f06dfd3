"""A person in a photo."""

import unicodedata
from dataclasses import dataclass

from facesearch.core.errors import InputError

__all__ = ["Box", "Region", "clean_name", "overlap"]

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A person in a photo; where no box is known, the person is only said to be in it.

    name: None where the face has no name.
    box: (x1, y1, x2, y2) in pixels of the photo as displayed, or None.
    kind: MWG's type of the region: "Face" or "Pet".
    misplaced: a place is known, and it does not fit the photo (it was cropped, or the numbers are none): which face is
        meant is not known then, not even where there is only one. The box is None.
    """

    name: str | None
    box: Box | None
    kind: str = "Face"
    misplaced: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("Face", "Pet"):
            raise InputError(f"a region is of kind 'Face' or 'Pet', not {self.kind!r}")
        # Written so that not-a-number is refused as well.
        if self.box is not None and not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise InputError(f"a box must be (x1, y1, x2, y2) with x1 < x2 and y1 < y2, not {self.box}")


def clean_name(name: str | None) -> str | None:
    """A name on one line, without what XML 1.0 (section 2.2) cannot hold; None where nothing is left.

    Control characters become spaces, white space runs become one space. Emoji, joiners and marks of direction stay.
    """
    if name is None:
        return None
    # Surrogates without a partner (Cs) come from file names that are not UTF-8.
    kept = (" " if unicodedata.category(c) == "Cc" else c for c in name if not _never_in_xml(c))
    return " ".join("".join(kept).split()) or None


def _never_in_xml(character: str) -> bool:
    return unicodedata.category(character) == "Cs" or character in "\ufffe\uffff"


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)
