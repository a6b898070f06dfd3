"""What can be set, and what identifies a model or detector: frozen dataclasses, checked when they are built."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from numbers import Integral, Real
from typing import Any

from facesearch.core import strict_json
from facesearch.core.errors import InputError

__all__ = [
    "ANY_SIZE",
    "DEFAULT_DETECTOR",
    "FLOAT16",
    "FLOAT32",
    "INT8",
    "DetectionConfig",
    "DetectorSpec",
    "ImageConfig",
    "ModelSpec",
    "Preprocessing",
    "SearchConfig",
]

FLOAT32, FLOAT16, INT8 = "float32", "float16", "int8"
# The detector of new libraries, by its name in `facesearch.detection.registry`. Here, so that it can be named without
# loading what detectors need.
DEFAULT_DETECTOR = "yunet"


@dataclass(frozen=True)
class ImageConfig:
    """What is accepted as a photo.

    max_megapixels: photos with more pixels than this are refused; 200 megapixels are 0.6 GB as RGB.
    memory_bytes: photos that are read, decoded and analysed at a time take so much together, and one that takes more
        is refused. None for a quarter of what is free; one that takes more is decoded alone, where it can be.
    """

    max_megapixels: float = 200.0
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if not self.max_megapixels > 0:
            raise InputError(f"max_megapixels must be positive, not {self.max_megapixels}")
        if self.memory_bytes is not None and not self.memory_bytes > 0:
            raise InputError(f"memory for photos must be positive, not {self.memory_bytes} bytes (--memory)")


# For photos of a library: what was indexed was not too large then, whatever the limit is now.
ANY_SIZE = ImageConfig(max_megapixels=float("inf"))


@dataclass(frozen=True)
class DetectionConfig:
    """How faces are looked for.

    min_face_px: side of the smallest face looked for, in pixels of the photo as displayed; None for 20 pixels or a
        75th of the photo's shorter side, whichever is more.
    thresholds: scores that a candidate needs in MTCNN's three stages (P-Net, R-Net, O-Net). With the 0.6 that the
        authors give for P-Net, R-Net looks at 40 % more, and ten more are found in 907 photos: nine things that are no
        faces, and one face that is too dark to be seen.
    pyramid_factor: ratio of neighbouring scales of the image pyramid; 0.709 halves the area.
    min_score: score that a face needs of the detectors that are one network; None for the detector's own.
    turned: look at pictures in which no sure face is found on their sides and head down, too.
    only_main: only the most prominent face of each picture is needed: others may be missing, their landmarks rough.
    """

    min_face_px: int | None = None
    thresholds: tuple[float, float, float] = (0.7, 0.7, 0.7)
    pyramid_factor: float = 0.709
    min_score: float | None = None
    turned: bool = True
    only_main: bool = False

    def __post_init__(self) -> None:
        if self.min_face_px is not None and self.min_face_px < 12:
            raise InputError(f"the smallest face must be at least 12 pixels, not {self.min_face_px} (--min-face)")
        if not all(0 < t < 1 for t in self.thresholds):
            raise InputError(f"detection thresholds must lie between 0 and 1, not {self.thresholds}")
        if self.min_score is not None and not 0 < self.min_score < 1:
            raise InputError(f"the least score of a face must lie between 0 and 1, not {self.min_score}")
        if not 0.3 <= self.pyramid_factor < 1:
            raise InputError(f"pyramid_factor must lie in [0.3, 1), not {self.pyramid_factor}")


@dataclass(frozen=True)
class DetectorSpec:
    """What identifies a face detector; kept in every library.

    How small and how sure faces must be is a setting (`DetectionConfig`), and may differ from run to run.

    name: as the registry of detectors has it.
    version: of the algorithm around the weights.
    weights_sha256: of each weights file, hexadecimal.
    """

    name: str
    version: int
    weights_sha256: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over all of it: two detectors with the same one find the same faces."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "DetectorSpec":
        """Raises InputError where the text is not a spec."""
        try:
            fields = strict_json.parse(text)
            return cls(str(fields["name"]), int(fields["version"]), tuple(fields["weights_sha256"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"not a detector's description: {error}") from error


@dataclass(frozen=True)
class SearchConfig:
    """How the faces of a library are searched.

    exact_up_to: up to so many faces a query is compared with every one. Of more, lists of alike faces are made, and it
        is compared with those in the nearest lists.
    probed: the share of the lists that a query looks into, if that is more than the 125,000 faces that it looks at
        anyway; 1 misses nothing.
    """

    exact_up_to: int = 50_000
    probed: float = 0.125

    def __post_init__(self) -> None:
        if self.exact_up_to < 0:
            raise InputError(f"exact_up_to is a number of faces, not {self.exact_up_to}")
        if not 0 < self.probed <= 1:
            raise InputError(f"probed is a share in (0, 1], not {self.probed}")


@dataclass(frozen=True)
class Preprocessing:
    """How an aligned crop is made and turned into a network's input.

    size: (height, width) of the crop in pixels.
    landmarks: where the five points (left eye, right eye, nose tip, left and right mouth corner, as seen in the
        picture) come to lie in the crop, as (x, y) in pixels, pixel centres at whole numbers.
    mean, std: per channel, in units of 0..255, in the network's own channel order: input = (value - mean) / std.
    channels: "rgb" or "bgr".
    mirror: average the embedding of the crop and of its mirror image.
    """

    size: tuple[int, int]
    landmarks: tuple[tuple[float, float], ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: str = "rgb"
    mirror: bool = False

    def __post_init__(self) -> None:
        points = (number for point in self.landmarks for number in point)
        if not all(isinstance(number, Real) for number in (*self.size, *points, *self.mean, *self.std)):
            raise InputError("a crop's size, its template, mean and std are numbers")
        if len(self.size) != 2 or not all(16 <= side <= 1024 for side in self.size):
            raise InputError(f"a crop's height and width must lie in 16..1024 pixels, not {self.size}")
        if len(self.landmarks) != 5 or not all(len(p) == 2 for p in self.landmarks):
            raise InputError("a template has five (x, y) points: eyes, nose tip, mouth corners")
        if len(self.mean) != 3 or len(self.std) != 3 or not all(s > 0 for s in self.std):
            raise InputError(f"mean and std need three values each, std positive: {self.mean}, {self.std}")
        if not isinstance(self.mirror, bool):
            raise InputError(f"mirror must be true or false, not {self.mirror!r}")
        if self.channels not in ("rgb", "bgr"):
            raise InputError(f"channels must be 'rgb' or 'bgr', not {self.channels!r}")


@dataclass(frozen=True)
class ModelSpec:
    """What identifies an embedding model; kept in every library.

    name: what the user says to get it: "dlib", "facenet-vggface2", or the path of a file.
    network: the architecture: "dlib-resnet", "inception-resnet-v1", "onnx", ...
    dim: length of an embedding.
    weights_sha256: of the weights file, hexadecimal; of two models in one, of what they are and how they are mixed.
    licence, source: of the weights, in a few words, for people.
    precision: FLOAT32, FLOAT16, or INT8, a colon, and 8 digits of the hash of the activation ranges.
    """

    name: str
    network: str
    dim: int
    preprocessing: Preprocessing
    weights_sha256: str
    licence: str = "unknown"
    source: str = "unknown"
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        for what in ("name", "network", "weights_sha256", "licence", "source", "precision"):
            if not isinstance(getattr(self, what), str):
                raise InputError(f"a model's {what} is text, not {getattr(self, what)!r:.60}")
        if isinstance(self.dim, bool) or not isinstance(self.dim, Integral) or self.dim <= 0:
            raise InputError(f"a model's embeddings have at least one number, not {self.dim!r:.60}")

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits over everything that changes an embedding: weights, preprocessing, precision.

        Two specs with the same fingerprint give the same embeddings, whatever they are called.
        """
        parts = {
            "network": self.network,
            "dim": self.dim,
            "weights_sha256": self.weights_sha256,
            "preprocessing": asdict(self.preprocessing),
        }
        if self.precision != FLOAT32:  # what was made before there was a choice keeps its fingerprint
            parts["precision"] = self.precision
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def in_float32(self) -> "ModelSpec":
        """The same model in float32. What distances mean is measured on it, and holds in every precision."""
        return replace(self, precision=FLOAT32)

    @property
    def is_int8(self) -> bool:
        return self.precision.startswith(INT8)

    @property
    def is_float16(self) -> bool:
        return self.precision == FLOAT16

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Raises InputError where the text is not a spec."""
        try:
            fields = strict_json.parse(text)
            pre = fields.pop("preprocessing")
            return cls(preprocessing=preprocessing_from_dict(pre), **fields)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"not a model description: {error}") from error


def preprocessing_from_dict(fields: dict[str, Any]) -> Preprocessing:
    """Lists, as JSON and TOML give them, become the tuples of Preprocessing.

    Raises InputError for keys that Preprocessing does not have.
    """
    unknown = set(fields) - set(Preprocessing.__dataclass_fields__)
    if unknown:
        raise InputError(f"unknown preprocessing setting: {', '.join(sorted(unknown))}")
    tuples: dict[str, Any] = {
        key: tuple(map(tuple, value)) if key == "landmarks" else tuple(value) if isinstance(value, list) else value
        for key, value in fields.items()
    }
    return Preprocessing(**tuples)
