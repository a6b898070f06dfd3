"""Groups and names for other programs: folders, tables, XMP sidecars; and names that other programs have given.

Originals are never written.
"""

import csv
import io
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from facesearch.errors import PhotoError
from facesearch.index import FaceIndex, FaceRecord
from facesearch.people.facade import People
from facesearch.people.parties import Party
from facesearch.results import ImportedName
from facesearch.xmp import Region, read_frame, read_names, sidecar_path, write_sidecar

__all__ = ["export_folders", "export_rows", "export_sidecars", "import_names", "rows_to_csv"]

Skipped = list[tuple[str, str]]

COLUMNS = ("path", "face", "group", "person", "name", "confirmed", "x1", "y1", "x2", "y2")
# A face and a region of another program are the same if their boxes overlap by this much of their union; others draw
# their boxes wider than MTCNN does.
SAME_REGION_IOU = 0.25


def export_rows(index: FaceIndex, parties: Sequence[Party]) -> list[dict[str, object]]:
    """One row a face, with the columns of COLUMNS, in order of path and face."""
    rows: list[dict[str, object]] = []
    for party, record in _faces(index, parties):
        name = party.person.name if party.person else None
        person = party.person.id if party.person else None
        x1, y1, x2, y2 = (round(value, 1) for value in record.box)
        values = (record.path, record.id, party.group, person, name, record.id in party.confirmed, x1, y1, x2, y2)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return sorted(rows, key=lambda row: (str(row["path"]), str(row["face"])))


def rows_to_csv(rows: Sequence[dict[str, object]]) -> str:
    """CSV with a header line; empty fields for None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def export_folders(index: FaceIndex, parties: Sequence[Party], folder: Path, *, copy: bool) -> tuple[int, Skipped]:
    """A folder for each party with links to its photos, or copies.

    What is there already stays: running it again adds what is new.

    Returns the number of files made, and those that could not be (path, reason).
    """
    made, skipped = 0, []
    names = _folder_names(parties)
    for party in parties:
        place = folder / names[party.group]
        place.mkdir(parents=True, exist_ok=True)
        taken: set[str] = {entry.name for entry in place.iterdir()}
        for path in dict.fromkeys(record.path for record in index.faces(party.faces)):
            try:
                made += _put(path, place, taken, copy)
            except OSError as error:
                skipped.append((path, (error.strerror or str(error)).lower()))
    return made, skipped


def _put(path: str, place: Path, taken: set[str], copy: bool) -> bool:
    """Link or copy a file into a folder under a name that is free; False where it is there already."""
    stem, suffix = os.path.splitext(os.path.basename(path))
    number = 1
    name = f"{stem}{suffix}"
    while name in taken:
        present = place / name
        if present.is_symlink() and os.readlink(present) == path:
            return False
        if not present.is_symlink() and _same_file(present, path):
            return False
        number += 1
        name = f"{stem} ({number}){suffix}"
    if copy:
        shutil.copy2(path, place / name)
    elif os.path.exists(path):
        os.symlink(path, place / name)
    else:
        raise FileNotFoundError(2, "no longer there", path)
    taken.add(name)
    return True


def _same_file(a: Path, b: str) -> bool:
    """Alike in size and time, as a copy with its time is."""
    try:
        first, second = a.stat(), os.stat(b)
    except OSError:
        return False
    return (first.st_size, int(first.st_mtime)) == (second.st_size, int(second.st_mtime))


def _folder_names(parties: Sequence[Party]) -> dict[int, str]:
    """Names that every file system takes; namesakes get their group's number."""
    plain = {p.group: re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", p.title).strip(" .")[:80] or "_" for p in parties}
    names = [name.casefold() for name in plain.values()]
    return {group: name if names.count(name.casefold()) == 1 else f"{name} ({group})" for group, name in plain.items()}


def export_sidecars(
    index: FaceIndex, parties: Sequence[Party], *, folder: Path | None, naming: str
) -> tuple[int, Skipped]:
    """An XMP sidecar for every photo with somebody who has a name: names and face regions.

    Args:
        folder: keep them apart from the photos; None for beside them.
        naming: "appended" for IMG.jpg.xmp, "replaced" for IMG.xmp.

    Returns the number of sidecars that were written, and the photos for which that was not possible (path, reason).
    """
    regions: dict[str, list[Region]] = {}
    for party, record in _faces(index, [p for p in parties if p.person and p.person.name and not p.ignored]):
        assert party.person is not None
        regions.setdefault(record.path, []).append(Region(party.person.name, record.box))
    written, skipped = 0, []
    for path, found in sorted(regions.items()):
        try:
            target = sidecar_path(Path(path), naming, folder)  # type: ignore[arg-type]
            target.parent.mkdir(parents=True, exist_ok=True)
            written += write_sidecar(target, found, read_frame(Path(path)))
        except (PhotoError, OSError) as error:
            skipped.append((path, str(error)))
    return written, skipped


def import_names(index: FaceIndex, people: People) -> tuple[list[ImportedName], Skipped]:
    """Names that other programs have put into the photos or beside them, given to the groups of those faces.

    A group whose faces have been given one name is called that; a face named differently from its group is taken out
    of it. What the user has named here is left as it is.

    Returns the names that were taken over, and what could not be read (path, reason).
    """
    found, skipped = _named_faces(index)
    imported = []
    for name in sorted(set(found.values())):
        faces = sorted(face for face, called in found.items() if called == name)
        decision = people.import_name(name, faces)
        if decision is not None:
            imported.append(ImportedName(name, len(faces), decision.summary))
    return imported, skipped


def _named_faces(index: FaceIndex) -> tuple[dict[int, str], Skipped]:
    """Face -> the name that another program has given it."""
    found: dict[int, str] = {}
    skipped: Skipped = []
    known = index.known_paths()
    for path in sorted(path for path, row in known.items() if not row.missing):
        names = read_names(Path(path))
        skipped += [(failure.path, failure.reason) for failure in names.failures]
        regions = [region for region in names.regions if region.name]
        if not regions:
            continue
        photo = known[path].photo_id
        for record in index.faces_of_photos([photo])[photo]:
            name = _name_for(record, regions, alone=len(index.faces_of_photos([photo])[photo]) == 1)
            if name:
                found[record.id] = name
    return found, skipped


def _name_for(record: FaceRecord, regions: Sequence[Region], *, alone: bool) -> str | None:
    """The name of the region that lies on a face; a name without a place is the only face's."""
    placed = [(_iou(record.box, region.box), region) for region in regions if region.box is not None]
    best = max(placed, key=lambda pair: pair[0], default=None)
    if best is not None and best[0] >= SAME_REGION_IOU:
        return best[1].name
    return regions[0].name if alone and len(regions) == 1 and regions[0].box is None else None


def _iou(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return both / (areas - both) if areas > both else 0.0


def _faces(index: FaceIndex, parties: Sequence[Party]) -> Iterator[tuple[Party, FaceRecord]]:
    for party in parties:
        for record in index.faces(party.faces):
            yield party, record
