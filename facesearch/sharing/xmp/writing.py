"""People -> a sidecar, merged with what other programs keep in it.

A sidecar that we wrote says in facesearch:Written what of it is ours. The next export takes exactly that out and
writes the people as they are then, so that a person who was renamed leaves nothing behind; everything else in the file
is another program's or person's, and stays.
"""

import os
import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.dom import minidom

from facesearch.core.errors import InputError, PhotoError
from facesearch.core.files import make_folders, replace_file
from facesearch.core.names import folded
from facesearch.media.reasons import os_reason
from facesearch.sharing.xmp import rdf
from facesearch.sharing.xmp.document import empty_document, parse, serialize
from facesearch.sharing.xmp.faces import MICROSOFT, MWG, Dialect, StoredRegion
from facesearch.sharing.xmp.frame import Frame
from facesearch.sharing.xmp.owner import claim, owner_other_than
from facesearch.sharing.xmp.packets import read_packet
from facesearch.sharing.xmp.people import NAME_LISTS, NameList
from facesearch.sharing.xmp.reading import SAME_FACE
from facesearch.sharing.xmp.region import Region, clean_name, overlap

__all__ = ["write_sidecar"]

_WRITTEN = NameList("facesearch:Written", "rdf:Bag", "")
_DIALECTS: tuple[Dialect, ...] = (MWG, MICROSOFT)


def write_sidecar(
    sidecar: str | os.PathLike[str],
    regions: Iterable[Region],
    frame: Frame,
    photo: str | os.PathLike[str] | None = None,
) -> bool:
    """Write people into a photo's sidecar: face regions, and lists of the names.

    What other programs keep there stays: another name for the same face too, beside ours. A face of theirs without a
    name gets ours. The file is replaced in one step, or left alone where it says all that already.

    Args:
        sidecar: path that ends in .xmp (sidecar_path); a photo is never written to.
        regions: all people in the photo. Without box: only listed. Without name: only MWG's region.
        frame: of the photo (read_frame).
        photo: its path, by which a sidecar's name that other files could have, too (IMG.xmp) is known as its own.

    Returns:
        Whether the file was written.

    Raises:
        InputError: the path does not end in .xmp, or cannot be written.
        PhotoError: the sidecar that is there is damaged, or belongs to another file; it is left as it is.
    """
    path = Path(os.path.realpath(sidecar))
    if not path.suffix.lower() == Path(sidecar).suffix.lower() == ".xmp":
        raise InputError(f"{os.fspath(sidecar)}: a sidecar's name ends in .xmp; photos are never written to")
    named = [Region(clean_name(region.name), region.box, region.kind) for region in regions]
    there = path.exists()
    if not there and not named:
        return False
    document = _read(path, photo) if there else _made_for(path, photo)
    before = serialize(document) if there else None
    _merge(document, named, frame)
    after = serialize(document)
    if before == after:
        return False
    _replace(path, after)
    return True


def _read(path: Path, photo: str | os.PathLike[str] | None) -> minidom.Document:
    try:
        document = parse(read_packet(path))
        rdf.descriptions(document)
    except PhotoError as error:
        raise PhotoError(f"the sidecar {path.name} was left as it is: {error}; repair it or move it away") from error
    if photo is not None and (other := owner_other_than(photo, path, document)):
        raise PhotoError(f"the sidecar {path.name} was left as it is: it belongs to {other}; name ours 'appended'")
    return document


def _made_for(path: Path, photo: str | os.PathLike[str] | None) -> minidom.Document:
    document = empty_document()
    if photo is not None and path.stem == Path(photo).stem:
        claim(document, photo)
    return document


def _merge(document: minidom.Document, regions: list[Region], frame: Frame) -> None:
    written: list[str] = []
    earlier = _WRITTEN.read(document)
    for dialect in _DIALECTS:
        dialect.settle(document, frame)
        _undo_regions(document, dialect, frame, earlier)
        written += _add_regions(document, dialect, frame, regions)
        dialect.drop_if_empty(document)
    names = list(dict.fromkeys(region.name for region in regions if region.name and region.kind == "Face"))
    for listed in NAME_LISTS:
        written += _write_names(document, listed, names, earlier)
        listed.drop_if_empty(document)
    for entry in earlier:
        _WRITTEN.take_out(document, entry)
    for entry in written:
        _WRITTEN.add(document, entry)
    _WRITTEN.drop_if_empty(document)


# --- lists of names


def _write_names(document: minidom.Document, listed: NameList, names: list[str], earlier: list[str]) -> list[str]:
    """Returns what was written, for facesearch:Written."""
    for entry in earlier:
        prop, _, value = entry.partition(" ")
        if prop == listed.prop:
            listed.take_out(document, value)
    written = []
    for name in names:
        if not listed.has(listed.read(document), name):
            listed.add(document, listed.entry(name))
            written.append(f"{listed.prop} {listed.entry(name)}")
    return written


# --- regions


def _undo_regions(document: minidom.Document, dialect: Dialect, frame: Frame, earlier: list[str]) -> None:
    for region in dialect.read(document, frame):
        if region.element is None:
            continue
        if _note(dialect, "made", region) in earlier:
            rdf.remove(region.element)
        elif region.name and _note(dialect, "named", region) in earlier:
            dialect.set_name(region, None)


def _add_regions(document: minidom.Document, dialect: Dialect, frame: Frame, regions: list[Region]) -> list[str]:
    """Returns what was written, for facesearch:Written."""
    written = []
    free = dialect.read(document, frame)
    for ours in _storable(regions, frame, dialect):
        same = [region for region in free if _same_face(ours, region)]
        theirs = max(same, key=partial(_closeness, ours), default=None)
        if theirs is None:
            dialect.append(document, ours, frame)
            written.append(_note(dialect, "made", dialect.read(document, frame)[-1]))
            continue
        free.remove(theirs)
        if theirs.name is None and ours.name is not None:
            dialect.set_name(theirs, ours.name)
            written.append(_note(dialect, "named", replace(theirs, name=ours.name)))
    return written


def _storable(regions: list[Region], frame: Frame, dialect: Dialect) -> list[StoredRegion]:
    stored = []
    for region in regions:
        area = None if region.box is None else frame.to_stored(region.box)
        if area is None or not (area[2] - area[0] > 1e-6 and area[3] - area[1] > 1e-6):
            continue  # nothing of it lies inside the photo
        if dialect is MWG or (region.name and region.kind == "Face"):
            stored.append(StoredRegion(region.name, area, region.kind))
    return stored


def _same_face(ours: StoredRegion, theirs: StoredRegion) -> bool:
    if ours.area is None or theirs.area is None or theirs.kind not in (ours.kind, ""):
        return False
    agree = ours.name is None or theirs.name is None or folded(theirs.name) == folded(ours.name)
    return agree and overlap(ours.area, theirs.area) >= SAME_FACE


def _closeness(ours: StoredRegion, theirs: StoredRegion) -> tuple[bool, float]:
    """Sort key: a region of the same name first, then the one that overlaps most."""
    assert ours.area is not None
    assert theirs.area is not None
    return folded(theirs.name or "") == folded(ours.name or ""), overlap(ours.area, theirs.area)


def _note(dialect: Dialect, verb: str, region: StoredRegion) -> str:
    """One line that says which region it is: another program that moves or renames it makes it its own."""
    area = ",".join(f"{round(share, 4) + 0.0:.4f}" for share in region.as_written or ())
    return f"{dialect.structure} {verb} {area} {region.name or ''}".rstrip()


# --- the file


def _replace(path: Path, data: bytes) -> None:
    """Whoever reads sees the old one or the new one, never a part; the new one has the old one's permissions."""
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.tmp")
    try:
        make_folders(path.parent)
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        replace_file(path, data, part=temporary, mode=mode)
    except OSError as error:
        raise InputError(f"{path}: the sidecar cannot be written: {os_reason(error)}") from error
