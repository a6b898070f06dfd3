"""All of `facesearch adapt`, from a library to a model that is kept or not. The library itself is only read."""

import datetime
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError, LibraryLockedError
from facesearch.core.files import FILE_MODE, FOLDER_MODE, make_folders, tighten
from facesearch.core.quality import excess_of
from facesearch.core.settings import ModelSpec
from facesearch.embedding import checkpoint, combined
from facesearch.evaluation.labelled import calibration_of
from facesearch.library import Library
from train.adapt.crops import cut_out, face_of
from train.adapt.figures import FIGURES, Change, HeldOutFaces, compared, figures_of
from train.adapt.learning import Crops, State, Whole, choose_share, learn, part_to_train
from train.adapt.people import OwnFace, own_faces
from train.adapt.splitting import Split, split
from train.blending import blend
from train.card import card, table_lines
from train.config import Recipe, read_recipe
from train.dataset import FaceSet
from train.distributed import joined
from train.starting import start
from train.trainer import Trainer

__all__ = ["Job", "Report", "adapt", "judged"]

RECIPE = "adapt"
SCRATCH, LOCK = "adapting", "adapting.lock"
SLOWER = "the library's model runs in int8, and this one in float32: indexing takes about twice as long"

Tick = Callable[[int, int], None]
# What is done, and what is counted -> the function that is told how much.
Progress = Callable[[str, str], AbstractContextManager[Tick]]


@dataclass(frozen=True)
class Job:
    """One call of `facesearch adapt`.

    library: its folder; None for the usual one. out: the model's file; None for a new one in the library's folder.
    steps: of training; None for the recipe's. minutes: after which training ends in any case.
    changes: of the recipe, as `read_recipe` takes them.
    """

    library: Path | None = None
    out: Path | None = None
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    device: str = "auto"
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What has come of it.

    kept: whether there is a model; it gained. verdict: why, or why not. model: as `--model` takes it; "" for none.
    start: the library's model. share: of what training changed that was followed.
    people, faces: to "learn" from, to "choose" by, "held_out". left_out: faces whose photo is gone or has changed.
    figures: of the people held out, before and after.
    note: what else to know about the model; empty for nothing.
    """

    kept: bool
    verdict: str
    model: str
    start: str
    share: float
    people: dict[str, int]
    faces: dict[str, int]
    left_out: int
    steps: int
    seed: int
    seconds: float
    figures: dict[str, Change]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `facesearch adapt --json` prints it."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(figure, before, after, gain), for a table."""
        better = {name: "" if more else ", lower is better" for name, more in FIGURES.items()}
        return [
            (NAMES[name] + better[name], str(change.before), str(change.after), change.gain.signed)
            for name, change in self.figures.items()
        ]


def adapt(job: Job, progress: Progress = lambda *_: nullcontext(lambda *_: None)) -> Report:
    """Train the library's embedder on its named people, and keep what comes of it if people held out gain by it.

    Raises:
        InputError: too few people, a model that cannot be trained, or a file that cannot be written.
        LibraryLockedError: another one is at work on this library.
        TrainingError: training has failed. Whatever is raised, the library is as it was.
    """
    began = time.monotonic()
    with Library(job.library, create=False) as library:
        recipe = _recipe(job, library.spec)
        path = _free(job.out, library.folder)
        own = own_faces(library.store)
        parts = split(own, job.seed)
        with _scratch(library.folder) as folder:
            with progress("Reading photos", "photos") as tick:
                wanted = [*parts.learn, *parts.choose, *parts.held_out]
                crops = cut_out(library.store, wanted, folder, tick)
            found = _Parts.of(parts, crops)
            with joined(job.device) as ranks:
                trainer = Trainer(recipe, *start(recipe.network, job.seed), ranks, len(found.learn.people))
                tried = _tried(Whole(library.spec, trainer), trainer, found, job, progress)
            changes = compared(*tried.figures, len(found.held_out.people), job.seed)
            kept, verdict = judged(changes, tried.share)
            report = Report(
                kept=kept,
                verdict=verdict,
                model=_name(path, library.spec) if kept else "",
                start=library.spec.name,
                share=tried.share,
                people={name: len(part.people) for name, part in found.named.items()},
                faces={name: len(part) for name, part in found.named.items()},
                left_out=len(wanted) - len(crops),
                steps=tried.steps,
                seed=job.seed,
                seconds=round(time.monotonic() - began, 1),
                figures=changes,
                note=SLOWER if kept and library.spec.is_int8 else "",
            )
            if kept:
                _keep(path, trainer.spec, tried, recipe, report, library.spec)
    return report


def judged(changes: dict[str, Change], share: float = 1.0) -> tuple[bool, str]:
    """Whether a model has gained, and why: surely better in the first figure, and in no other surely worse."""
    (first, main), *others = changes.items()
    if not share:
        return False, "not kept: what was learnt is of no use with people from whom nothing was learnt"
    if not main.is_better:
        return False, f"not kept: the gain in {NAMES[first]} may be chance"
    if worse := [NAMES[name] for name, change in others if change.is_worse]:
        return False, f"not kept: {' and '.join(worse)} surely worse"
    return True, f"kept: {NAMES[first]} surely better, and nothing else surely worse"


NAMES = {"tar": "TAR at FAR 1e-3", "fnir": "FNIR at FPIR 1 %", "bcubed_f": "BCubed F of clusters"}


@dataclass(frozen=True)
class _Parts:
    """The crops of each part, and what is known of their faces."""

    learn: FaceSet
    choose: FaceSet
    held_out: FaceSet
    own: dict[int, OwnFace]

    @classmethod
    def of(cls, parts: Split, crops: FaceSet) -> "_Parts":
        """Raises InputError where the photos of a part are gone."""
        found = []
        for part in (parts.learn, parts.choose, parts.held_out):
            ids = {face.face.id for face in part}
            found.append(FaceSet(tuple(image for image in crops.images if face_of(image) in ids)))
        if not all(len(part.people) > 1 for part in found):
            raise InputError("too few photos are there as they were indexed: run `facesearch index` on them")
        everybody = [*parts.learn, *parts.choose, *parts.held_out]
        return cls(found[0], found[1], found[2], {face.face.id: face for face in everybody})

    @property
    def named(self) -> dict[str, FaceSet]:
        return {"learn": self.learn, "choose": self.choose, "held_out": self.held_out}

    @property
    def unseen(self) -> FaceSet:
        """All from whom nothing is learnt."""
        return FaceSet((*self.choose.images, *self.held_out.images))

    def rows(self, part: FaceSet) -> list[int]:
        """Where the images of a part are among those of `unseen`."""
        row = {image: number for number, image in enumerate(self.unseen.images)}
        return [row[image] for image in part.images]

    def known(self, part: FaceSet) -> HeldOutFaces:
        theirs = [self.own[face_of(image)] for image in part.images]
        return HeldOutFaces(
            part.labels,
            np.array([face.event for face in theirs], np.int64),
            np.array([face.face.photo_id for face in theirs], np.int64),
            excess_of([face.face.quality for face in theirs]),
        )


@dataclass(frozen=True)
class _Tried:
    """What training came to. figures: before and after. calibration: of the whole embedder after it."""

    state: State
    share: float
    steps: int
    figures: tuple[Any, Any]
    calibration: Calibration


def _tried(whole: Whole, trainer: Trainer, parts: _Parts, job: Job, progress: Progress) -> _Tried:
    """Train, choose how far that is followed, and measure it before and after."""
    with progress("Training", "faces") as tick:
        trained, steps = learn(trainer, parts.learn, tick, 60 * (job.minutes or float("inf")))
    with progress("Measuring", "faces") as tick:
        crops = whole.crops(parts.unseen, tick)
    with progress("Choosing", "faces") as tick:
        theirs = crops.take(parts.rows(parts.choose))
        share = choose_share(whole, trained, theirs, parts.known(parts.choose), tick)
    state = blend(whole.start, trained, share)
    before = _measured(whole, whole.start, parts, crops)
    after = _measured(whole, state, parts, crops) if share else before
    return _Tried(state, share, steps, (before[0], after[0]), after[1])


def _measured(whole: Whole, state: State, parts: _Parts, crops: Crops) -> tuple[dict[str, Any], Calibration]:
    """Figures of the people held out, and a calibration from all from whom nothing was learnt."""
    vectors = whole.embed(state, crops)
    calibration = _calibration(whole.spec, vectors, parts.unseen)
    held_out = vectors[parts.rows(parts.held_out)]
    return figures_of(held_out, parts.known(parts.held_out), calibration), calibration


def _calibration(spec: ModelSpec, vectors: NDArray[np.float32], faces: FaceSet) -> Calibration:
    people = [image.person for image in faces.images]
    return calibration_of(
        spec,
        vectors,
        people,
        dataset=f"a library's named people: {len(people)} confirmed faces of {len(faces.people)} people",
        how="people from whom nothing was learnt, good confirmed faces",
    )


def _keep(path: Path, spec: ModelSpec, tried: _Tried, recipe: Recipe, report: Report, library: ModelSpec) -> None:
    """Write the checkpoint, with what it is worth and what its distances mean; only its owner can read it."""
    told = {name: value for name, value in report.to_dict().items() if name not in ("model", "kept")}
    calibration = asdict(tried.calibration)
    with_dlib = library.network == combined.NAME
    checkpoint.save(
        path,
        tried.state,
        spec,
        {"recipe": recipe.to_dict(), "adapted": told},
        calibration=None if with_dlib else calibration,
        with_dlib=calibration if with_dlib else None,
        card=_card(report, recipe, spec),
    )
    tighten(path)


def _card(report: Report, recipe: Recipe, spec: ModelSpec) -> str:
    """For those to whom the checkpoint is given."""
    trained = [
        f"Data: confirmed faces of a library's named people, {report.faces['learn']:,} of {report.people['learn']:,}",
        "Terms of the data: private photos; ask the people in them before you pass this file on",
        f"Start: {Path(recipe.network.start).name}, {report.share:.0%} of what was learnt from there was followed",
        f"Recipe {recipe.name}; {report.steps:,} steps, seed {report.seed}",
    ]
    measured = [
        f"Held-out people: {report.faces['held_out']:,} faces of {report.people['held_out']:,}",
        f"Before: {Path(report.start).name}; {report.verdict}",
        *table_lines(("figure", "before", "after", "gain"), report.rows()),
    ]
    return card(spec, datetime.date.today().isoformat(), trained, measured, calibrated=True)


def _name(path: Path, library: ModelSpec) -> str:
    return f"{path}+dlib" if library.network == combined.NAME else str(path)


def _recipe(job: Job, spec: ModelSpec) -> Recipe:
    """Raises InputError for a number that cannot be meant."""
    if job.minutes is not None and not job.minutes > 0:
        raise InputError(f"--minutes must be positive, not {job.minutes:g}")
    name = part_to_train(spec.name).replace("\\", "\\\\").replace('"', '\\"')
    changes = [f'network.start="{name}"', f"run.seed={job.seed}"]
    if job.steps is not None:
        changes.append(f"run.steps={job.steps}")
    return read_recipe(RECIPE, (*job.changes, *changes))


def _free(out: Path | None, library: Path) -> Path:
    """Where the model will lie. Raises InputError where nothing can be written there."""
    if out is None:
        folder = library.resolve()
        return next(path for number in count(1) if not (path := folder / f"adapted-{number}.safetensors").exists())
    if out.suffix != ".safetensors" or not out.parent.is_dir() or out.exists():
        raise InputError(f"{out} must be a new file in a folder that is there, and end in .safetensors")
    return out.resolve()


@contextmanager
def _scratch(library: Path) -> Iterator[Path]:
    """A folder within the library, for its owner only; what a killed run has left is removed first."""
    folder = library / SCRATCH
    lock = FileLock(library / LOCK, timeout=0, mode=FILE_MODE)
    try:
        lock.acquire()
    except Timeout as error:
        raise LibraryLockedError(f"another `facesearch adapt` works on {library}: wait until it has ended") from error
    try:
        shutil.rmtree(folder, ignore_errors=True)
        make_folders(folder, FOLDER_MODE)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
