"""Where the five landmarks come to lie in each network's crop.

Points are (x, y) in pixels with pixel centres at whole numbers, in the order left eye, right eye, nose tip, left and
right mouth corner, as seen in the picture.
"""

__all__ = ["ARCFACE_112", "FACENET_160", "Template", "arcface_template", "dlib_template"]

Template = tuple[tuple[float, float], ...]

# dlib's mean face in the unit square: the averages of each eye's points, the nose tip and the mouth corners of the
# shape in get_face_chip_details (dlib/image_transforms/interpolation.h).
_DLIB_MEAN_FACE: Template = (
    (0.2255, 0.2160), (0.7548, 0.2160), (0.4901, 0.5156), (0.2541, 0.7802), (0.7261, 0.7802),
)  # fmt: skip

# The five points of insightface's face_align.py for 112x112; they are SphereFace's for 112 high x 96 wide, moved by 8.
ARCFACE_112: Template = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip

# The mean landmarks in the crops of facenet_pytorch.MTCNN(image_size=160, margin=14), as in facenet-pytorch's own LFW
# evaluation (examples/lfw_evaluate.ipynb), measured on 300 LFW photos and averaged with their mirror image. Those crops
# stretch the box to a square; a similarity transform does not stretch, so only position and mean scale are theirs.
FACENET_160: Template = ((46.69, 64.25), (112.31, 64.25), (79.5, 92.99), (50.53, 118.11), (108.47, 118.11))


def dlib_template(size: int, padding: float) -> Template:
    """The landmarks of dlib's face chips, size x size pixels.

    dlib's (p + padding) / (2 * padding + 1) * size counts from the outer edge of the first pixel (the chip's centre is
    size / 2), so half a pixel is taken off; get_face_chip on a grey ramp shows the same offset. Rounded, because the
    template is part of the model's fingerprint.
    """
    scale = size / (2 * padding + 1)
    return tuple(
        (round((x + padding) * scale - 0.5, 3), round((y + padding) * scale - 0.5, 3)) for x, y in _DLIB_MEAN_FACE
    )


def arcface_template(height: int, width: int) -> Template | None:
    """ArcFace's points for a square crop, SphereFace's for 112 high x 96 wide, None for other shapes."""
    if (height, width) == (112, 96):
        return tuple((round(x - 8, 4), y) for x, y in ARCFACE_112)
    if height != width:
        return None
    scale = height / 112  # about the crop's corner, half a pixel before the first pixel's centre
    return tuple((round((x + 0.5) * scale - 0.5, 4), round((y + 0.5) * scale - 0.5, 4)) for x, y in ARCFACE_112)
