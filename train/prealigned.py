"""Crops that others have aligned to ArcFace's template, as the field's data sets have them -> any network's crop.

Nothing is detected: the landmarks are where the template has them. What such a crop does not show is black.
"""

import numpy as np
from numpy.typing import NDArray

from facesearch.core.errors import PhotoError
from facesearch.core.settings import Preprocessing
from facesearch.embedding.templates import arcface_template
from facesearch.media import PhotoFile
from facesearch.pipeline.alignment import align, similarity

__all__ = ["recut"]


def recut(data: bytes, preprocessing: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A network's crop from another crop, by one similarity transform between the two templates.

    Args:
        data: an encoded crop, aligned as insightface's face_align.py does: square, of 112 pixels or scaled from that,
            or SphereFace's of 112 high x 96 wide.

    Returns:
        (height, width, 3) uint8, and the (5, 2) landmarks in it, continuous pixels.

    Raises:
        PhotoError: it cannot be decoded, or has another shape.
    """
    rgb = PhotoFile.parse(data).decode().rgb
    height, width = rgb.shape[:2]
    template = arcface_template(height, width)
    if template is None:
        raise PhotoError(f"{width} x {height} pixels are no crop aligned to ArcFace's template")
    # templates count from the centre of the first pixel, landmarks from its edge
    landmarks = np.array(template) + 0.5
    to_crop = similarity(landmarks, np.array(preprocessing.landmarks) + 0.5)
    return align(rgb, landmarks, preprocessing), to_crop(landmarks)
