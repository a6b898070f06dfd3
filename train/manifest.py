"""The manifest of an aligned data set: what became of every image.

Two files lie beside the crops. `align.json` says how they were made. `manifest.jsonl` has one line for each source
image, in the order in which they were looked at, appended as the work goes on:

    {"source": "anna/1.jpg", "file": "anna/1.jpg", "landmarks": [[x, y], …], "score": 0.999, "faces": 1}
    {"source": "anna/2.jpg", "file": null, "reason": "no face found"}

`file` is the crop, relative to the manifest; `landmarks` are the five points in the crop, continuous pixels. A last
line that a crash has cut off is as if it were not there.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facesearch.core.errors import InputError
from facesearch.detection import DEFAULT_DETECTOR

__all__ = ["MANIFEST", "SETTINGS", "Entry", "ManifestWriter", "detector_of", "read_manifest"]

MANIFEST, SETTINGS = "manifest.jsonl", "align.json"

Landmarks = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Entry:
    """What became of one source image.

    source: relative to the data set, with forward slashes; its first folder is the person.
    file: the crop, relative to the manifest; None where the image was skipped.
    landmarks: five (x, y) in the crop, continuous pixels (the left edge of the first pixel is 0); empty if skipped.
    score: the detector's, 1 where the data set says where the face is (train import), 0 if skipped.
    faces: how many faces the image has.
    reason: why it was skipped, or empty.
    """

    source: str
    file: str | None
    landmarks: Landmarks = ()
    score: float = 0.0
    faces: int = 0
    reason: str = ""

    @property
    def person(self) -> str:
        return self.source.split("/", 1)[0]

    def to_json(self) -> str:
        if self.file is None:
            return json.dumps({"source": self.source, "file": None, "reason": self.reason})
        points = [[round(x, 2), round(y, 2)] for x, y in self.landmarks]
        fields = {"source": self.source, "file": self.file, "landmarks": points}
        return json.dumps(fields | {"score": round(self.score, 4), "faces": self.faces})

    @classmethod
    def from_json(cls, text: str) -> "Entry":
        """Raises ValueError where the line is not an entry."""
        try:
            fields: dict[str, Any] = json.loads(text)
            landmarks = tuple((float(x), float(y)) for x, y in fields.pop("landmarks", ()))
            entry = cls(landmarks=landmarks, **fields)
        except (TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        if entry.file is not None and len(landmarks) != 5:
            raise ValueError(f"{entry.file} has {len(landmarks)} landmarks instead of 5")
        return entry


class ManifestWriter:
    """Appends entries, and carries on after whatever ended the last run."""

    def __init__(self, folder: Path) -> None:
        path = folder / MANIFEST
        self._keep_whole_lines(path)
        self._file = path.open("a", encoding="utf-8")

    @staticmethod
    def _keep_whole_lines(path: Path) -> None:
        if path.exists() and (text := path.read_bytes()) and not text.endswith(b"\n"):
            with path.open("r+b") as file:
                file.truncate(text.rfind(b"\n") + 1)

    def add(self, entry: Entry) -> None:
        self._file.write(entry.to_json() + "\n")
        self._file.flush()

    def close(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()

    def __enter__(self) -> "ManifestWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_manifest(folder: Path) -> Iterator[Entry]:
    """The entries of a folder's manifest; none where it has no manifest.

    Raises InputError where a line is not an entry.
    """
    path = folder / MANIFEST
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return
            try:
                yield Entry.from_json(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number}, is not an entry of a manifest: {error}") from error


def detector_of(folder: Path) -> str:
    """The detector that has found the faces of a data set; the default one where no detector has, or none is named.

    Raises InputError where align.json is damaged.
    """
    path = folder / SETTINGS
    if not path.exists():
        return DEFAULT_DETECTOR
    try:
        return str(dict(json.loads(path.read_text(encoding="utf-8"))).get("detector", DEFAULT_DETECTOR))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): align into another folder") from error
