"""What facesearch has written itself, so that no `index` takes it for photos, wherever it lies.

A picture that was drawn from a library (a face's tile, a preview, a contact sheet, a crop) says so inside the file, in
EXIF's tag Software. A copy of a photo has to stay the photo's bytes, and so a file in its folder lists it.
"""

import io
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from PIL import ExifTags, Image

from facesearch.core.errors import InputError
from facesearch.core.files import replace_file
from facesearch.media.formats import identify

__all__ = [
    *("EXIF", "LISTS", "REPORT", "REPORT_PARTS", "SOFTWARE"),
    *("add_to_list", "is_drawn", "listed", "mark_report", "require_ours"),
]

SOFTWARE = "facesearch: drawn from a library, not a photo"
# In a folder: the entries of it that an export, or a report, has made.
_EXPORT, REPORT = ".facesearch-export.json", "facesearch-report.json"
LISTS = frozenset([_EXPORT, REPORT])
REPORT_PARTS = ("index.html", "people", "photos", "pictures", "static")
_MAX_BYTES = 64 << 20

# Name -> size in bytes; None for a folder.
Entries = Mapping[str, int | None]


def _exif() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Software] = SOFTWARE
    return exif.tobytes()


# For Pillow's `save(…, exif=EXIF)`: JPEG, PNG, WebP, TIFF and AVIF keep it.
EXIF = _exif()


def is_drawn(data: bytes) -> bool:
    """Whether a file's content is a picture that was saved with `EXIF`."""
    if SOFTWARE.encode() not in data:  # nearly always: a photo's header is not read for it
        return False
    with suppress(Exception):  # it is damaged: no matter what it was
        exif = Image.Image.getexif(identify(io.BytesIO(data)))
        return exif.get(ExifTags.Base.Software) == SOFTWARE
    return False


def require_ours(path: Path, *, pixels: bool = True) -> None:
    """Let nothing be drawn over a file of somebody else's, a photo least of all.

    Args:
        pixels: the file's format has an EXIF; a drawing without says elsewhere who has made it.

    Raises InputError where something lies there that is not a picture of ours, or an empty file.
    """
    try:
        data = path.read_bytes() if path.is_file() else b""
        ours = is_drawn(data) if pixels else SOFTWARE.encode() in data
        if ours or not (data or path.is_dir()):
            return
    except OSError:  # it is there, and nobody knows what it is
        pass
    raise InputError(f"{path} is there already and was not drawn by facesearch: name a new file, or move it away")


def listed(folder: str, lists: Iterable[str]) -> Entries:
    """The entries of a folder that these of its `LISTS` say were made by facesearch; none where one is damaged."""
    return {name: size for file in lists for name, size in _read(Path(folder) / file).items()}


def add_to_list(folder: Path, made: Entries) -> None:
    """Say of some files in a folder that an export has made them. Raises OSError."""
    before = _read(folder / _EXPORT)
    after = {name: size for name, size in before.items() if os.path.lexists(folder / name)} | dict(made)
    if after != before:
        _write(folder / _EXPORT, "facesearch export", after)


def mark_report(folder: Path) -> None:
    """Say of a folder that it holds a report. Raises OSError."""
    _write(folder / REPORT, "facesearch report", dict.fromkeys(REPORT_PARTS))


def _read(path: Path) -> dict[str, int | None]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return {}
        held = json.loads(path.read_bytes())
        if path.name == REPORT and "made" not in held:  # of an earlier version
            return dict.fromkeys(REPORT_PARTS)
        return {name: size for name, size in held["made"].items() if size is None or isinstance(size, int)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def _write(path: Path, made_by: str, made: Entries) -> None:
    text = json.dumps({"made_by": made_by, "made": dict(sorted(made.items()))}, indent=1)
    replace_file(path, text.encode() + b"\n", durable=False)
