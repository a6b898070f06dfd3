"""The main face of a photo, and how prominent each of its faces is."""

from collections.abc import Sequence

from facesearch.core.types import Face

__all__ = ["main_face", "prominence"]


def main_face(faces: Sequence[Face], size: tuple[int, int]) -> Face | None:
    """The face that a photo is of: the most prominent one; None where there is none.

    Args:
        size: (width, height) of the photo.
    """
    return max(faces, key=lambda face: prominence(face, size), default=None)


def prominence(face: Face, size: tuple[int, int]) -> float:
    """How much a face is what a photo is of: its area, less the nearer it is to a corner, and the less sure it is.

    davidsandberg/facenet subtracts squared pixels from the area, which depends on the size of the photo: right for
    LFW's tight crops, it takes bystanders for the main face in whole photos. A share of the diagonal does for both.
    """
    x1, y1, x2, y2 = face.box
    across, down = (x1 + x2) / size[0] - 1, (y1 + y2) / size[1] - 1
    to_corner = min((across**2 + down**2) / 2, 1.0)  # 0 at the centre, 1 in a corner
    return (x2 - x1) * (y2 - y1) * (1 - to_corner) ** 2 * face.score**2
