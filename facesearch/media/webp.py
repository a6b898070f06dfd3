"""Large WebPs: Pillow's decoder, made for animations, takes sixteen bytes for a pixel, and OpenCV's less than eight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

__all__ = ["DecodedWebp", "decode_still"]


@dataclass(frozen=True, eq=False)
class DecodedWebp:
    """What `parts.displayed` needs of an image. pixels: (h, w, 3 or 4) uint8, blue first."""

    pixels: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def crop(self, box: tuple[int, int, int, int]) -> Image.Image:
        left, top, right, bottom = box
        channels = [2, 1, 0, 3][: self.pixels.shape[2]]
        return Image.fromarray(self.pixels[top:bottom, left:right, channels])


def decode_still(data: bytes, image: ImageFile) -> DecodedWebp | None:
    """The picture of a WebP; None for an animation. Args: image: Pillow's of these bytes, not loaded.

    Raises ValueError where it is damaged.
    """
    if getattr(image, "n_frames", 1) != 1:
        return None
    import cv2  # here, not above: hardly any photo needs it

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != image.size[::-1]:
        raise ValueError("the pixels cannot be decoded")
    return DecodedWebp(np.asarray(pixels, np.uint8))
