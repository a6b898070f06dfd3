"""A folder of images for each person -> aligned crops and a manifest, through the product's own detector.

Decode, detect and align are facesearch's (`facesearch.pipeline`; train/looking.py says how): what a
network is trained on is what it will see. The folder of crops is that of train/crops.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import Any

from facesearch.core.errors import InputError, PhotoError
from facesearch.detection import DEFAULT_DETECTOR
from facesearch.evaluation.shared_photos import SHARED, under_several_labels
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import one_thread
from train.crops import BATCH_IMAGES, CropsReport, CropsRun, finished, writing
from train.looking import (
    BOX_MARGIN_PX,
    BOX_SIDE,
    QUICK_MIN_FACE_SHARE,
    Eyes,
    Seen,
    box_crop,
    wide_crop,
    wide_settings,
)
from train.manifest import Entry

__all__ = ["align"]

# Images done, images to do.
Tick = Callable[[int, int], None]


def align(
    dataset: Path,
    out: Path,
    *,
    style: str = "aligned",
    device: str = "auto",
    detector: str = DEFAULT_DETECTOR,
    workers: int | None = None,
    tick: Tick = lambda *_: None,
) -> CropsReport:
    """Write a crop of the labelled face of every image that has none yet, and a line about each in the manifest.

    May end at any moment: what the manifest says is there, the images in flight are done again by the next run.

    Args:
        dataset: has a folder with images for each person.
        out: for crops (the images' relative paths with .jpg), manifest.jsonl and align.json.
        style: "aligned" for 224 x 224 px, landmarks where WIDE says; "box" for 182 x 182 px as davidsandberg/facenet.
        detector: by name, or an .onnx file.
        workers: threads that look at images; None for as many as keep the machine busy.

    Raises:
        InputError: dataset is no such folder; out lies in it, holds something else, crops of another style or of
            another data set, is being written by another run, or cannot be written.
        ModelError: the device or the detector is not there.
    """
    dataset, out = dataset.resolve(), out.resolve()
    run = CropsRun(out)
    settings, sources = _settings(dataset, style, detector), _sources(dataset, out)
    with writing(out, settings):
        todo = _plan(out, sources)
        if todo:
            eyes = Eyes.open(device, detector)
            job = _Job(dataset, style, eyes, run)
            batches = (todo[i : i + BATCH_IMAGES] for i in range(0, len(todo), BATCH_IMAGES))
            run.fill(job.make, batches, workers or eyes.usual.workers, lambda: tick(run.done, len(todo)))
    return run.report(already=len(sources) - len(todo))


def _sources(dataset: Path, out: Path) -> dict[str, str]:
    """Every image, relative to the data set -> why it cannot be looked at, mostly empty."""
    if not dataset.is_dir():
        raise InputError(f"{dataset} is not a folder: give one that has a folder with images for each person")
    if dataset == out or dataset in out.parents or out in dataset.parents:
        raise InputError(f"the crops' folder {out} and the data set {dataset} must not lie within each other")
    found = LocalFiles().find([str(dataset)], exported=True)
    sources = {_relative(photo.path, dataset): "" for photo in found.photos}
    sources = {source: "" if "/" in source else "not in a person's folder" for source in sources}
    if not any("/" in source for source in sources):
        raise InputError(f"{dataset} has no folders with images in them: each person needs one")
    labelled = [(dataset / source, source.partition("/")[0]) for source, problem in sources.items() if not problem]
    sources |= {_relative(str(path), dataset): SHARED for path in under_several_labels(labelled)}
    return sources | {_relative(failure.path, dataset): failure.reason for failure in found.failures}


def _relative(path: str, root: Path) -> str:
    return PurePosixPath(Path(path).relative_to(root)).as_posix()


def _settings(dataset: Path, style: str, detector: str) -> dict[str, Any]:
    """How the crops are made."""
    how: dict[str, dict[str, Any]] = {
        "aligned": wide_settings(),
        "box": {"style": "box", "size": [BOX_SIDE, BOX_SIDE], "margin_px": BOX_MARGIN_PX},
    }
    if style not in how:
        raise InputError(f"style must be 'aligned' or 'box', not {style!r}")
    looks = {"pick": "prominent", "min_face": f"{QUICK_MIN_FACE_SHARE:g} of the shorter side, else as indexing"}
    other = {} if detector == DEFAULT_DETECTOR else {"detector": detector}
    return how[style] | {"source": dataset.name} | looks | other


# A source, its crop, and why it cannot be looked at (mostly empty).
Todo = tuple[str, str, str]


def _plan(out: Path, sources: dict[str, str]) -> list[Todo]:
    """All but what is done."""
    done = finished(out)
    left = [source for source in sources if source not in done]
    names = _crop_names(left, (file for file in done.values() if file))
    return [(source, names[source], sources[source]) for source in left]


@dataclass(frozen=True)
class _Job:
    """Looks at images and saves the crops of their faces."""

    dataset: Path
    style: str
    eyes: Eyes
    run: CropsRun

    def make(self, batch: list[Todo]) -> list[Entry]:
        """The crops of a batch, written; called by several threads."""
        with one_thread():
            seen = iter(self.eyes.look([str(self.dataset / source) for source, _, problem in batch if not problem]))
            return [
                Entry(source, None, reason=problem) if problem else self._save(source, crop, next(seen))
                for source, crop, problem in batch
            ]

    def _save(self, source: str, name: str, seen: Seen | PhotoError) -> Entry:
        if isinstance(seen, PhotoError):
            return Entry(source, None, reason=str(seen))
        face = seen.labelled
        if face is None:
            return Entry(source, None, reason="no face found")
        try:
            rgb, landmarks = (
                wide_crop(self.eyes.usual, seen.loaded, face)
                if self.style == "aligned"
                else box_crop(seen.loaded, face)
            )
        except PhotoError as error:
            return Entry(source, None, reason=str(error))
        self.run.save(name, rgb)
        return Entry(source, name, tuple((float(x), float(y)) for x, y in landmarks), face.score, len(seen.faces))


def _crop_names(sources: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A file for each source: none twice, none that is a folder; case aside, because some file systems know none."""
    names: dict[str, str] = {}
    ordered = sorted(sources, key=lambda source: (not source.endswith(".jpg"), source))  # these keep their names
    used = {name.casefold() for name in taken}
    used |= {str(folder).casefold() for source in ordered for folder in PurePosixPath(source).parents}
    for source in ordered:
        tries = chain([str(PurePosixPath(source).with_suffix(".jpg"))], (source + ".jpg" * n for n in count(1)))
        names[source] = next(name for name in tries if name.casefold() not in used)
        used.add(names[source].casefold())
    return names
