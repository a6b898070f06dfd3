"""`python -m train quantise`: what the layers of a built-in model see on photos, so that it can run in int8."""

from pathlib import Path

import numpy as np

from facesearch.core.errors import InputError
from facesearch.core.files import replace_file
from facesearch.core.quantisation import Ranges, measured, quantisable
from facesearch.core.settings import FLOAT32
from facesearch.detection.yunet import YunetInt8
from facesearch.detection.yunet import int8 as yunet
from facesearch.detection.yunet.graph import yunet_graph
from facesearch.detection.yunet.weights import load_weights
from facesearch.embedding import resolve
from facesearch.embedding.loading import BATCH, float_graph
from facesearch.embedding.precision import RANGES
from facesearch.media import LocalFiles, open_photo
from facesearch.pipeline.pipeline import Pipeline

__all__ = ["measure", "write"]

# Layers that stay float32: dlib's last one is a thousandth of the work.
SKIPPED = {"dlib": ("fc",)}
# Photos looked at; twice as many move no range by more than a few percent.
PHOTOS = 400


def measure_yunet(folder: Path, photos: int = PHOTOS) -> Ranges:
    """The ranges of YuNet over some photos, evenly chosen below a folder. Raises InputError where there are none."""
    paths = [photo.path for photo in LocalFiles().find([str(folder)], exported=True).photos]
    chosen = paths[:: max(len(paths) // photos, 1)]
    if not chosen:
        raise InputError(f"{folder} has no photos: name a folder of photos")
    canvases = (yunet.calibration_canvas(open_photo(path).decode().rgb)[None] for path in chosen)
    graph = yunet_graph(load_weights(), yunet.CALIBRATION_SIDE, yunet.CALIBRATION_SIDE)
    skipped = yunet.float_layers(list(quantisable(graph)))
    return measured(graph, canvases, f"{len(chosen)} photos of {folder.name}", skipped)


def measure(name: str, folder: Path, photos: int = PHOTOS) -> Ranges:
    """The ranges of a built-in model over the main faces of some photos, evenly chosen below a folder.

    Raises InputError where there are none.
    """
    if name == YunetInt8.spec.name:
        return measure_yunet(folder, photos)
    spec = resolve(name, FLOAT32)
    paths = [photo.path for photo in LocalFiles().find([str(folder)], exported=True).photos]
    chosen = paths[:: max(len(paths) // photos, 1)]
    faces = Pipeline.load(spec, "cpu").main_faces(chosen)
    crops = [face.crop for face in faces if face is not None and face.crop is not None]
    whole = len(crops) // BATCH * BATCH
    if not whole:
        raise InputError(f"{folder} has no photos with faces: name a folder of photos")
    batches = np.stack(crops[:whole]).reshape(-1, BATCH, *crops[0].shape)
    return measured(float_graph(spec), batches, f"{whole} faces in {folder.name}/", SKIPPED.get(name, ()))


def write(name: str, ranges: Ranges) -> Path:
    """Keep them where the model is loaded from. Returns the file."""
    path = yunet.RANGES if name == YunetInt8.spec.name else RANGES / f"{name}.json"
    replace_file(path, ranges.to_json().encode())
    return path
