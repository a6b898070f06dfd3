"""Any of Pillow's modes -> 8-bit RGB."""

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["to_rgb"]


def to_rgb(image: Image.Image) -> Image.Image:
    """The decoded image in mode RGB, transparent parts over white; a picture of which nothing would be seen is opaque.

    16 bits are scaled by their depth; 32-bit integers and floats by the range of their values, since nothing says what
    is black and what is white in them. Colour profiles are not applied: embedders are trained on values as stored.
    """
    if image.mode.startswith("I;16"):
        depth = np.asarray(image).astype(np.float32)
        depth[depth == image.info.get("transparency", -1)] = 65535.0  # a PNG's colour key, over white
        return _grey(depth, 0.0, 65535.0)
    if image.mode in ("I", "F"):
        values = np.asarray(image).astype(np.float64)
        finite = values[np.isfinite(values)]
        return _grey(values, finite.min(initial=np.inf), finite.max(initial=-np.inf))
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.mode == "La":  # Pillow converts it to nothing else
        image = image.convert("LA")
    if image.has_transparency_data:
        return _over_white(image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def _over_white(image: Image.Image) -> Image.Image:
    if image.getchannel("A").getextrema() == (0, 0) and not _is_uniform(image.convert("RGB")):
        return image.convert("RGB")  # written by a program that knows no transparency
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _is_uniform(image: Image.Image) -> bool:
    return all(channel.getextrema()[0] == channel.getextrema()[1] for channel in image.split())


def _grey(values: npt.NDArray[np.floating], black: float, white: float) -> Image.Image:
    """values (h, w) from black to white -> RGB; not-a-number is black, and so is everything where nothing differs."""
    if not black < white:
        return Image.new("RGB", values.shape[::-1])
    scaled = (np.nan_to_num(values, nan=black, posinf=white, neginf=black) - black) * (255.0 / (white - black))
    return Image.fromarray((scaled + 0.5).astype(np.uint8)).convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # here, not above: hardly any photo needs it

    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None only where it works in place
    return converted
