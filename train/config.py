"""Recipes: what a training run does, as frozen dataclasses that are checked when they are built.

A recipe is a TOML file with a table for each of these classes; a key that its class does not have is an error.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from facesearch.core.arguments import Strings, as_strings
from facesearch.core.errors import InputError

__all__ = [
    "RECIPES",
    "AugmentConfig",
    "BatchConfig",
    "DataConfig",
    "LossConfig",
    "NetworkConfig",
    "OptimizerConfig",
    "Recipe",
    "RunConfig",
    "read_recipe",
]

RECIPES = Path(__file__).parent / "configs"


def _check(condition: bool, complaint: str) -> None:
    if not condition:
        raise InputError(complaint)


def _check_choice(name: str, value: str, *choices: str) -> None:
    _check(value in choices, f"{name} must be one of {', '.join(choices)}, not {value!r}")


@dataclass(frozen=True)
class NetworkConfig:
    """What is trained.

    name: "small-cnn", "dlib-resnet", "sface" or "inception-resnet-v1"; empty for that of `start`.
    start: the model whose weights it begins with, as `facesearch --model` takes it; empty for random ones.
    dim: length of an embedding; 0 for that of `start`. Another length than start's gets a new last layer.
    freeze: layers that keep their weights, by the beginnings of their parameters' names ("stem", "blocks.0").
    adapters: rank of the low-rank changes to which training of the other layers is limited (see train/adapters.py);
        0 to train their weights themselves.
    blend: what checkpoints hold and validations measure, as a share of the way from start's weights to the trained
        ones (see train/blending.py); 1 for the trained ones.
    """

    name: str = ""
    start: str = ""
    dim: int = 0
    freeze: tuple[str, ...] = ()
    adapters: int = 0
    blend: float = 1.0

    def __post_init__(self) -> None:
        _check(bool(self.name or self.start), "[network] needs a name, a start, or both")
        _check(0 <= self.dim <= 4096, f"network.dim must lie in 1..4096 (0: as start), not {self.dim}")
        _check(0 <= self.adapters <= 1024, f"network.adapters must lie in 0..1024 (0: none), not {self.adapters}")
        _check(0 < self.blend <= 1, f"network.blend must lie in 0..1 without the 0, not {self.blend}")
        _check(bool(self.start) or self.blend == 1, "network.blend needs network.start: there is nothing to blend with")
        _check(bool(self.start) or self.dim > 0, "network.dim must be given where training starts from nothing")


@dataclass(frozen=True)
class DataConfig:
    """How people are split, and how their images reach the network.

    held_out: share of the people who are kept out of training and measure it; fewer where they would have more than
        held_out_images images.
    held_out_varied: share of the held-out images that are varied as [augment] says, the same way at each measurement.
    split_seed: of the drawing; the same people whatever the run's own seed.
    workers: threads that decode (processes without augment.batched); -1 for one a core, less one for the training
        itself; 0 to decode in the loop.
    kept_gb: GiB of decoded images that each process keeps in memory; those beyond it are decoded each time.
    """

    held_out: float = 0.2
    held_out_images: int = 5000
    held_out_varied: float = 0.0
    split_seed: int = 0
    workers: int = -1
    kept_gb: float = 4.0

    def __post_init__(self) -> None:
        _check(0 < self.held_out < 1, f"data.held_out must lie between 0 and 1, not {self.held_out}")
        _check(self.held_out_images >= 4, f"data.held_out_images must be at least 4, not {self.held_out_images}")
        varied = self.held_out_varied
        _check(0 <= varied <= 1, f"data.held_out_varied must lie in 0..1, not {varied}")
        _check(self.workers >= -1, f"data.workers must be -1 or more, not {self.workers}")
        _check(self.kept_gb >= 0, f"data.kept_gb must not be negative, not {self.kept_gb}")


@dataclass(frozen=True)
class BatchConfig:
    """What a batch is made of, over all processes together.

    scheme: "people-by-images": `people` people with `images` each, so that every image meets its positives.
        "random-triplets": `triplets` of (anchor, positive, negative) drawn at random, as tbmoon/facenet does.
    """

    scheme: str = "people-by-images"
    people: int = 18
    images: int = 4
    triplets: int = 24

    def __post_init__(self) -> None:
        _check_choice("batch.scheme", self.scheme, "people-by-images", "random-triplets")
        _check(self.people >= 2, f"batch.people must be at least 2, not {self.people}")
        _check(self.images >= 2, f"batch.images must be at least 2, or nobody has a positive, not {self.images}")
        _check(self.triplets >= 1, f"batch.triplets must be at least 1, not {self.triplets}")

    @property
    def size(self) -> int:
        """Images in a batch."""
        return 3 * self.triplets if self.scheme == "random-triplets" else self.people * self.images


@dataclass(frozen=True)
class AugmentConfig:
    """How a crop is varied. Standard deviations for the geometry, probabilities for the rest.

    shift: of the crop's side. scale: of the logarithm of the size. turn: degrees.
    light: brightness, contrast and colour by up to 30 %. grey: without colours.
    occlusion: a rectangle over a fifth to a half of the width and of the height.
    dark: 8 to 50 % of the light, and noise.
    low_resolution: made small and enlarged, as if the crop had `low_sides` (from, to) pixels of 150 a side.
    jpeg: quality 25 to 90.
    batched: whole batches are varied at once on the device (train/batch_augmentation.py); false for each image by
        itself with Pillow, in worker processes, as recipes did whose results were measured so. The two draw from the
        same distributions, and not the same crops.
    """

    mirror: float = 0.5
    shift: float = 0.0
    scale: float = 0.0
    turn: float = 0.0
    light: float = 0.0
    grey: float = 0.0
    occlusion: float = 0.0
    dark: float = 0.0
    low_resolution: float = 0.0
    low_sides: tuple[float, ...] = (28.0, 110.0)
    blur: float = 0.0
    jpeg: float = 0.0
    batched: bool = True

    def __post_init__(self) -> None:
        for name in ("mirror", "light", "grey", "occlusion", "dark", "low_resolution", "blur", "jpeg"):
            value = getattr(self, name)
            _check(0 <= value <= 1, f"augment.{name} is a probability, not {value}")
        sides = self.low_sides
        _check(len(sides) == 2 and 4 <= sides[0] <= sides[1] <= 150, "augment.low_sides: from, to within 4..150")
        for name, most in (("shift", 0.5), ("scale", 1.0), ("turn", 180.0)):
            value = getattr(self, name)
            _check(0 <= value <= most, f"augment.{name} must lie in 0..{most:g}, not {value}")


@dataclass(frozen=True)
class LossConfig:
    """Triplet margin loss on squared L2 between unit vectors, a margin by class, and what holds it near its start.

    miner: "semi-hard" (FaceNet, section 3.2), "batch-hard", "distance-weighted", "all"; "given" with random-triplets.
    margin: squared L2.
    triplet: weight of the triplet loss; 0 leaves it out.
    head: "arcface", "cosface" or "adaface" (see train/heads.py): a vector for each person of the training set; empty
        for none. head_weight: of its loss. head_scale: s. head_margin: m; a cosine for cosface, radians for the others.
    hold: weight of the mean squared L2 to the embeddings that `start` gives of the unvaried crops; 0 for none. This is
        distillation (Hinton et al., https://arxiv.org/abs/1503.02531) of a frozen start, on embeddings.
    hold_scales: sizes of the crops whose embeddings by `start` are averaged for that, 1 being the model's own.
    """

    miner: str = "semi-hard"
    margin: float = 0.2
    triplet: float = 1.0
    head: str = ""
    head_weight: float = 1.0
    head_scale: float = 32.0
    head_margin: float = 0.4
    hold: float = 0.0
    hold_scales: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        _check_choice("loss.miner", self.miner, "semi-hard", "batch-hard", "distance-weighted", "all", "given")
        _check(0 < self.margin <= 4, f"loss.margin must lie in 0..4 (squared L2), not {self.margin}")
        _check_choice("loss.head", self.head, "", "arcface", "cosface", "adaface")
        _check(self.head_weight > 0, f"loss.head_weight must be positive, not {self.head_weight}: leave head empty")
        _check(self.head_scale > 0, f"loss.head_scale must be positive, not {self.head_scale}")
        _check(0 <= self.head_margin <= 1, f"loss.head_margin must lie in 0..1, not {self.head_margin}")
        _check(self.triplet >= 0 and self.hold >= 0, "loss.triplet and loss.hold must not be negative")
        nothing = self.triplet + self.hold == 0 and not self.head
        _check(not nothing, "loss.triplet and loss.hold are both 0, without a head: nothing would be learnt")
        _check(len(self.hold_scales) > 0 and all(0.5 <= s <= 2 for s in self.hold_scales), "loss.hold_scales: 0.5..2")


@dataclass(frozen=True)
class OptimizerConfig:
    """How the weights move.

    name: "adamw" or "sgd" (momentum 0.9). lr: at its highest, after warmup_steps of a straight rise; from there it
    falls as `schedule` says: "cosine" to 0 at the last step, or "constant".
    clip_norm: gradients are shortened to this length; 0 leaves them.
    """

    name: str = "adamw"
    lr: float = 1e-4
    weight_decay: float = 0.0
    warmup_steps: int = 0
    schedule: str = "cosine"
    clip_norm: float = 5.0

    def __post_init__(self) -> None:
        _check_choice("optimizer.name", self.name, "adamw", "sgd")
        _check_choice("optimizer.schedule", self.schedule, "cosine", "constant")
        _check(self.lr > 0, f"optimizer.lr must be positive, not {self.lr}")
        _check(self.weight_decay >= 0, f"optimizer.weight_decay must not be negative, not {self.weight_decay}")
        _check(self.warmup_steps >= 0, f"optimizer.warmup_steps must not be negative, not {self.warmup_steps}")
        _check(self.clip_norm >= 0, f"optimizer.clip_norm must not be negative, not {self.clip_norm}")


@dataclass(frozen=True)
class RunConfig:
    """How long, how exactly, and what is looked at on the way.

    precision: "fp32", "bf16" or "fp16"; the last only on CUDA.
    select_by: which figure of the held-out people makes a checkpoint the best: "auc", or "tar" at FAR 1e-3.
    lfw_every: steps between validations on LFW, where it is given; 0 for before and after only.
    patience: validations without a better checkpoint after which the run stops; 0 for never.
    recorded: on CUDA a step is recorded as a graph and replayed; false to launch its kernels one by one.
    """

    steps: int = 1000
    seed: int = 0
    precision: str = "fp32"
    channels_last: bool = True
    validate_every: int = 100
    select_by: str = "auc"
    patience: int = 0
    snapshot_every: int = 100
    lfw_every: int = 0
    recorded: bool = True

    def __post_init__(self) -> None:
        _check_choice("run.precision", self.precision, "fp32", "bf16", "fp16")
        _check_choice("run.select_by", self.select_by, "auc", "tar")
        for name in ("steps", "validate_every", "snapshot_every"):
            _check(getattr(self, name) >= 1, f"run.{name} must be at least 1, not {getattr(self, name)}")
        _check(self.lfw_every >= 0, f"run.lfw_every must not be negative, not {self.lfw_every}")
        _check(self.patience >= 0, f"run.patience must not be negative, not {self.patience}")

    def is_due(self, done: int) -> bool:
        """Whether something is measured or saved after so many steps."""
        return done == self.steps or done % self.validate_every == 0 or done % self.snapshot_every == 0


@dataclass(frozen=True)
class Recipe:
    """A whole run. name: the file's. about: what it is for, and which accuracy is expected of it, with the source."""

    network: NetworkConfig
    name: str = ""
    about: str = ""
    data: DataConfig = field(default_factory=DataConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def __post_init__(self) -> None:
        given = self.loss.miner == "given"
        if given != (self.batch.scheme == "random-triplets"):
            raise InputError('batch.scheme "random-triplets" and loss.miner "given" go together, or neither does')
        if self.loss.hold and not self.network.start:
            raise InputError("loss.hold needs network.start: there is nothing to hold on to")

    def to_dict(self) -> dict[str, Any]:
        """As JSON and TOML have it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, tables: Mapping[str, Any]) -> "Recipe":
        """Raises InputError for unknown keys, wrong types and values that cannot be meant."""
        recipe: Recipe = _build(cls, tables, "")
        return recipe


def read_recipe(name: str, changes: Strings = ()) -> Recipe:
    """A recipe by its name in train/configs, or by its path.

    Args:
        changes: "table.key=value" in TOML, applied over the file.

    Raises:
        InputError: there is no such recipe, it is not TOML, or not a recipe.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise InputError(f"there is no recipe {name!r}: use {known}, or the path of a .toml file")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        for change in as_strings(changes):
            _apply(tables, change)
        return replace(Recipe.from_dict(tables), name=path.stem)
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{path}: {error}") from error


def _apply(tables: dict[str, Any], change: str) -> None:
    table, dot, rest = change.partition(".")
    if not dot or "=" not in rest:
        raise InputError(f"a change is table.key=value, not {change!r}")
    key, _, value = rest.partition("=")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a word without its quotation marks
    tables.setdefault(table.strip(), {})[key.strip()] = parsed


def _build(cls: type[Any], table: Any, where: str) -> Any:
    if not isinstance(table, Mapping):
        raise InputError(f"{where or 'a recipe'} must be a table, not {table!r}")
    types = get_type_hints(cls)
    known = {entry.name for entry in fields(cls)}
    if unknown := sorted(set(table) - known):
        raise InputError(f"unknown key {where}{'.' if where else ''}{unknown[0]}: known are {', '.join(sorted(known))}")
    if cls is Recipe and "network" not in table:
        raise InputError("a recipe needs a table [network]")
    return cls(**{key: _value(types[key], value, f"{where}.{key}".lstrip(".")) for key, value in table.items()})


def _value(kind: Any, value: Any, where: str) -> Any:
    """A TOML value as the field's type; whole numbers do for floats, lists for tuples."""
    if hasattr(kind, "__dataclass_fields__"):
        return _build(kind, value, where)
    if kind is float and type(value) is int:
        return float(value)
    if kind in (int, float, str, bool):
        if type(value) is not kind:
            raise InputError(f"{where} must be {kind.__name__}, not {value!r}")
        return value
    inner = kind.__args__[0]  # tuple[X, ...] is all that is left
    if not isinstance(value, list | tuple):
        raise InputError(f"{where} must be a list, not {value!r}")
    return tuple(_value(inner, entry, where) for entry in value)
