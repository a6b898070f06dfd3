"""Groups and names for other programs: folders, tables, XMP sidecars; and names that other programs have given.

Originals are never written.
"""

import csv
import io
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import select

from facesearch.core.errors import FacesearchError
from facesearch.core.results import ImportedName
from facesearch.core.types import Face
from facesearch.media.reasons import os_reason
from facesearch.people.clusters import Party, all_parties
from facesearch.people.people import People
from facesearch.sharing.xmp import Region, read_frame, read_names, sidecar_path, write_sidecar
from facesearch.sharing.xmp.region import overlap
from facesearch.storage import Store, catalog
from facesearch.storage import schema as db

__all__ = ["export_folders", "export_rows", "export_sidecars", "import_names", "rows_to_csv"]

Skipped = list[tuple[str, str]]

COLUMNS = ("path", "face", "group", "person", "name", "confirmed", "x1", "y1", "x2", "y2")
# A face and a region of another program are the same if their boxes overlap by this much of their union; others draw
# their boxes wider than MTCNN does.
SAME_REGION_IOU = 0.25
# Of a folder's name, in UTF-8; file systems take 255, and a group's number may follow.
FOLDER_BYTES = 200
# A copy has its original's size and time, but FAT keeps times to two seconds only; so that its start is compared, too.
SAME_TIME_NS, SAME_START_BYTES = 2 * 10**9, 1 << 16


def export_rows(index: Store, parties: Sequence[Party]) -> list[dict[str, object]]:
    """One row a face, with the columns of COLUMNS, in order of path and face."""
    rows: list[dict[str, object]] = []
    for party, record in _faces(index, parties):
        name = party.person.name if party.person else None
        person = party.person.id if party.person else None
        x1, y1, x2, y2 = (round(value, 1) for value in record.box)
        values = (record.path, record.id, party.group, person, name, record.id in party.confirmed, x1, y1, x2, y2)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return sorted(rows, key=lambda row: (str(row["path"]), int(str(row["face"]))))


def rows_to_csv(rows: Sequence[dict[str, object]]) -> str:
    """CSV with a header line; empty fields for None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def export_folders(index: Store, chosen: Sequence[Party] | None, folder: Path, *, copy: bool) -> tuple[int, Skipped]:
    """A folder for each party with links to its photos, or copies.

    What is there already stays: running it again adds what is new, and puts copies in the place of links if copies are
    wanted now.

    Args:
        chosen: whose folders; None for everybody who is not ignored.

    Returns the number of files made, and those that could not be (path, reason).
    """
    made, skipped = 0, []
    everybody = _everybody(index)
    names = _folder_names(everybody)
    for party in [party for party in everybody if not party.ignored] if chosen is None else chosen:
        place = folder / names[party.group]
        place.mkdir(parents=True, exist_ok=True)
        taken = {_folded(entry.name) for entry in place.iterdir()}
        for path in dict.fromkeys(record.path for record in index.faces(party.faces)):
            try:
                made += _put(path, place, taken, copy)
            except OSError as error:
                skipped.append((path, os_reason(error)))
    return made, skipped


def _put(path: str, place: Path, taken: set[str], copy: bool) -> bool:
    """Link or copy a file into a folder under a name that is free; False where it is there already."""
    os.stat(path)  # raises where it is no longer there
    for target in _possible_targets(path, place):
        if _folded(target.name) not in taken:
            break
        if _links_to(target, path):
            if not copy:
                return False
            target.unlink()
            break
        if _same_file(target, path):
            return False
    if copy:
        _copy(path, target)
    else:
        target.symlink_to(path)
    taken.add(_folded(target.name))
    return True


def _possible_targets(path: str, place: Path) -> Iterator[Path]:
    """IMG.jpg, IMG (2).jpg, …"""
    stem, suffix = os.path.splitext(os.path.basename(path))
    number = 1
    yield place / f"{stem}{suffix}"
    while True:
        number += 1
        yield place / f"{stem} ({number}){suffix}"


def _links_to(link: Path, path: str) -> bool:
    return link.is_symlink() and os.readlink(link) == path


def _copy(path: str, target: Path) -> None:
    """Never over anything that is there: were it a link, that would write to an original."""
    with open(path, "rb") as source, open(target, "xb") as sink:
        try:
            shutil.copyfileobj(source, sink)
        except OSError:
            target.unlink()
            raise
    shutil.copystat(path, target)


def _same_file(a: Path, b: str) -> bool:
    """Alike in size, time and start, as a copy is."""
    try:
        first, second = a.lstat(), os.stat(b)
        if a.is_symlink() or first.st_size != second.st_size:
            return False
        if abs(first.st_mtime_ns - second.st_mtime_ns) > SAME_TIME_NS:
            return False
        with open(a, "rb") as one, open(b, "rb") as other:
            return one.read(SAME_START_BYTES) == other.read(SAME_START_BYTES)
    except OSError:
        return False


def _folder_names(parties: Sequence[Party]) -> dict[int, str]:
    """Group -> a name that every file system takes; namesakes get their group's number."""
    plain = {party.group: _as_folder(party.title) for party in parties}
    counts = Counter(_folded(name) for name in plain.values())
    names: dict[int, str] = {}
    for group, name in sorted(plain.items(), key=lambda pair: (counts[_folded(pair[1])] > 1, pair[0])):
        unique = name if counts[_folded(name)] == 1 else f"{name} ({group})"
        while _folded(unique) in {_folded(other) for other in names.values()}:  # somebody is called "Anna (3)"
            unique += f" ({group})"
        names[group] = unique
    return names


def _as_folder(title: str) -> str:
    whole = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", title.encode("utf-8", "replace").decode())
    name = whole.strip(" .").encode()[:FOLDER_BYTES].decode("utf-8", "ignore").strip(" .") or "_"
    reserved = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name, re.IGNORECASE)  # by Windows
    return f"{name}_" if reserved else name


def _folded(name: str) -> str:
    """Names that are one to some file systems, and to people."""
    return unicodedata.normalize("NFC", name).casefold().strip()


# -- XMP sidecars -------------------------------------------------------------------------------------------------


def export_sidecars(
    index: Store, chosen: Sequence[Party] | None, *, folder: Path | None, naming: str
) -> tuple[int, Skipped]:
    """An XMP sidecar for every file with somebody who has a name: names and face regions.

    Where everybody is wanted, names of ours that are no longer right are taken out of sidecars that are there.

    Args:
        chosen: only photos that show one of them, with the names of all who are on them; None for all photos.
        folder: keep them apart from the photos, in folders as below the indexed ones; None for beside them.
        naming: "appended" for IMG.jpg.xmp, "replaced" for IMG.xmp.

    Returns the number of sidecars that were written, and the photos for which that was not possible (path, reason).
    """
    regions: dict[int, list[Region]] = {}
    skipped: Skipped = []
    paths = _paths_of_photos(index)
    shown = None if chosen is None else {record.photo_id for _, record in _faces(index, chosen)}
    for party, record in _faces(index, [p for p in _everybody(index) if p.person and p.person.name and not p.ignored]):
        assert party.person is not None
        if shown is not None and record.photo_id not in shown:
            continue
        if record.photo_id in paths:
            regions.setdefault(record.photo_id, []).append(Region(party.person.name, record.box))
        elif (record.path, "no longer there") not in skipped:
            skipped.append((record.path, "no longer there"))
    wanted = sorted(
        (path, sorted(found, key=_from_the_left)) for photo, found in regions.items() for path in paths[photo]
    )
    if chosen is None:
        wanted += sorted((path, []) for photo, of in paths.items() if photo not in regions for path in of)
    written, roots = 0, index.roots()
    owners: dict[Path, str] = {}
    for path, found in wanted:
        target = sidecar_path(path, naming, folder and _mirrored(path, folder, roots))  # type: ignore[arg-type]
        owner = owners.setdefault(target, path)
        if owner != path and found:
            skipped.append((path, f"{owner} has the same sidecar, {target}"))
        elif owner == path and (found or target.exists()):
            try:
                written += write_sidecar(target, found, read_frame(path))
            except FacesearchError as error:
                skipped.append((path, str(error)))
    return written, sorted(skipped)


def _from_the_left(region: Region) -> tuple[float, ...]:
    return region.box or ()


def _paths_of_photos(index: Store) -> dict[int, list[str]]:
    """Photo id -> the files that hold it, but for missing ones."""
    paths: dict[int, list[str]] = {}
    for path, row in index.known_paths().items():
        if not row.missing:
            paths.setdefault(row.photo_id, []).append(path)
    return paths


def _mirrored(path: str, folder: Path, roots: Sequence[str]) -> Path:
    """The folder in which a photo's sidecar belongs if they are kept apart."""
    parent = os.path.dirname(path)
    above = max((root for root in roots if catalog.under(parent, root)), key=len, default=parent)
    return folder / os.path.relpath(parent, above)


# -- names from other programs ------------------------------------------------------------------------------------


def import_names(index: Store, people: People) -> tuple[list[ImportedName], Skipped]:
    """Names that other programs have put into the photos or beside them, given to the groups of those faces.

    A group whose faces have been given one name is called that; a face named differently from its group is taken out
    of it. What the user has said here is left as it is: who a face is, who it is not, and that it is none. A face that
    is taken for somebody of that name already stays a guess: it may be our own, exported earlier.

    Returns the names that were taken over, and what could not be read (path, reason).
    """
    settled, refused = _said_of_faces(index)
    found, skipped = _named_faces(index, settled)
    spelling = {
        _folded(party.person.name): party.person.name
        for party in people.parties()
        if party.person and party.person.name
    }
    at_home = {face: _folded(party.title) for party in people.parties() if party.person for face in party.faces}
    faces_of: dict[str, list[int]] = {}
    for face, name in sorted(found.items()):
        key = _folded(name)
        if at_home.get(face) != key and key not in refused.get(face, ()):
            faces_of.setdefault(spelling.setdefault(key, name), []).append(face)
    imported = []
    for name, faces in sorted(faces_of.items()):
        decision = people.import_name(name, faces)
        if decision is not None:
            imported.append(ImportedName(name, len(faces), decision.summary))
    return imported, skipped


def _said_of_faces(index: Store) -> tuple[set[int], dict[int, set[str]]]:
    """Faces of which the user has said who they are, or that they are none; and face -> names that are not its own."""
    refused: dict[int, set[str]] = {}
    with index.reading() as connection:
        settled = {*connection.execute(select(db.confirmed.c.face_id)).scalars()}
        settled |= {*connection.execute(select(db.not_faces.c.face_id)).scalars()}
        query = select(db.rejected.c.face_id, db.people.c.name).join(
            db.people, db.people.c.id == db.rejected.c.person_id
        )
        for face, name in connection.execute(query.where(db.people.c.name.is_not(None))):
            refused.setdefault(face, set()).add(_folded(name))
    return settled, refused


def _named_faces(index: Store, settled: set[int]) -> tuple[dict[int, str], Skipped]:
    """Face -> the name that another program has given it, for those of which the user has not spoken."""
    found: dict[int, str] = {}
    skipped: Skipped = []
    for photo, paths in _paths_of_photos(index).items():
        for path in sorted(paths):
            names = read_names(path)
            skipped += [(failure.path, failure.reason) for failure in names.failures]
            regions = [region for region in names.regions if region.name]
            if regions:
                named = _names_on(index.faces_of_photos([photo])[photo], regions)
                found |= {face: name for face, name in named.items() if face not in settled and face not in found}
    return found, sorted(skipped)


def _names_on(faces: Sequence[Face], regions: Sequence[Region]) -> dict[int, str]:
    """The faces on which a region lies, the best fit first; a single name without a place is a single face's."""
    fits = sorted(
        (-fit, face.id, number)
        for number, region in enumerate(regions)
        for face in faces
        if region.box is not None and (fit := overlap(face.box, region.box)) >= SAME_REGION_IOU
    )
    names: dict[int, str] = {}
    used: set[int] = set()
    for _, face, number in fits:
        name = regions[number].name
        if name and face not in names and number not in used:
            names[face] = name
            used.add(number)
    if len(faces) == len(regions) == 1 and regions[0].box is None and regions[0].name:
        names[faces[0].id] = regions[0].name
    return names


# -- both ---------------------------------------------------------------------------------------------------------


def _everybody(index: Store) -> list[Party]:
    with index.reading() as connection:
        return all_parties(connection)


def _faces(index: Store, parties: Sequence[Party]) -> Iterator[tuple[Party, Face]]:
    for party in parties:
        for record in index.faces(party.faces):
            yield party, record
