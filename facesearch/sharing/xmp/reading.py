"""A photo and its sidecars -> the people named in them."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.dom import minidom

from facesearch.core.errors import PhotoError
from facesearch.core.names import folded
from facesearch.media import Failure
from facesearch.sharing.xmp import rdf
from facesearch.sharing.xmp.document import parse
from facesearch.sharing.xmp.faces import MICROSOFT, MWG, StoredRegion
from facesearch.sharing.xmp.frame import Frame, read_frame
from facesearch.sharing.xmp.owner import owner_other_than
from facesearch.sharing.xmp.packets import embedded_xmp, read_packet, sidecars_of
from facesearch.sharing.xmp.people import NAME_LISTS, read_people
from facesearch.sharing.xmp.region import Region, overlap

__all__ = ["NamesFound", "read_names", "read_sidecar"]

# Programs draw boxes of different size around a face: of two squares with the same centre, one 1.8 times as wide as
# the other, the overlap is 0.3. Faces side by side hardly overlap.
SAME_FACE = 0.25


@dataclass(frozen=True, slots=True)
class NamesFound:
    """The people that other programs, or an earlier export, named in a photo.

    regions: faces with a box, named or not, then people who are only said to be in the photo, or whose place does not
        fit it, with box None.
    failures: sidecars, or the photo, whose XMP could not be read, with the reason.
    """

    regions: tuple[Region, ...] = ()
    failures: tuple[Failure, ...] = ()


def read_names(photo: str | os.PathLike[str]) -> NamesFound:
    """Read names and face regions from a photo's sidecars (IMG.jpg.xmp, IMG.xmp) and from the photo itself.

    Where they contradict each other, the sidecars win, IMG.jpg.xmp first: programs that write one leave the photo
    as it was. IMG.xmp is left alone where it says that it belongs to another file. Whatever is damaged ends up in the
    failures; nothing is raised.
    """
    path = os.fspath(photo)
    try:
        frame = read_frame(path)
    except PhotoError as error:
        return NamesFound(failures=(Failure(path, str(error)),))
    regions: list[Region] = []
    failures: list[Failure] = []
    for source in [*map(str, sidecars_of(path)), path]:
        try:
            for document in _documents(source, path):
                regions = _combine(regions, _regions(document, frame))
        except PhotoError as error:
            failures.append(Failure(source, str(error)))
    return NamesFound(tuple(regions), tuple(failures))


def _documents(source: str, photo: str) -> Iterator[minidom.Document]:
    """The XMP of a photo's sidecar, unless that says it is another file's, or the photo's own. Raises PhotoError."""
    if source != photo:
        document = parse(read_packet(source))
        if owner_other_than(photo, source, document) is None:
            yield document
        return
    embedded = embedded_xmp(photo)
    if embedded.packet is None:
        return
    document = parse(embedded.packet)
    yield document
    if continued := rdf.text_of(document, "xmpNote:HasExtendedXMP"):
        try:
            yield parse(embedded.extension(continued.strip()))
        except PhotoError as error:
            raise PhotoError(f"the XMP was read in part: {error}") from error


def read_sidecar(sidecar: str | os.PathLike[str], frame: Frame) -> list[Region]:
    """Read names and face regions from one sidecar, wherever it is.

    frame: of the photo that it belongs to (read_frame).

    Raises:
        PhotoError: unreadable, damaged or not XMP; the message is the reason, without the path.
    """
    return _regions(parse(read_packet(sidecar)), frame)


def _regions(document: minidom.Document, frame: Frame) -> list[Region]:
    """MWG's regions win over Microsoft's, as in digiKam, and regions over mere names."""
    rdf.descriptions(document)  # raises where it is not XMP
    # Microsoft's are of the image on which MWG's were made, and say nothing of its size.
    cropped = frame.space_of(MWG.applied_to(document)) is None
    found: list[Region] = []
    for dialect in (MWG, MICROSOFT):
        stored = [region for region in dialect.read(document, frame) if region.kind in ("Face", "")]
        faces = [_face(region, frame, cropped) for region in stored]
        found = _combine(found, [face for face in faces if face.name or face.box])
    return _combine(found, [Region(name, None) for name in read_people(document)])


def _face(stored: StoredRegion, frame: Frame, cropped: bool) -> Region:
    box = None if stored.area is None or cropped else _box(frame, stored.area)
    return Region(stored.name, box, misplaced=stored.placed and box is None)


def _box(frame: Frame, area: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
    box = frame.to_displayed(area)
    return box if box[0] < box[2] and box[1] < box[3] else None  # a hostile width of 1e-300 is none


def _combine(known: list[Region], more: list[Region]) -> list[Region]:
    """Known regions, completed by what others say; a face has the name that it was given first.

    A name whose place is wrong in one of them is misplaced, unless it has a place in another.
    """
    faces = [region for region in known if region.box is not None]
    for region in more:
        same = [i for i, face in enumerate(faces) if _same_place(face, region)]
        if region.box is not None and not same:
            faces.append(region)
        elif same and faces[same[0]].name is None:
            faces[same[0]] = Region(region.name, faces[same[0]].box)
    named = {form for face in faces if face.name for form in _forms(face.name)}
    wrong = {form for region in [*known, *more] if region.misplaced and region.name for form in _forms(region.name)}
    people: list[Region] = []
    for region in [*known, *more]:
        if region.box is None and region.name and folded(region.name) not in named:
            people.append(replace(region, misplaced=folded(region.name) in wrong))
            named.update(_forms(region.name))
    return faces + people


def _same_place(a: Region, b: Region) -> bool:
    return a.box is not None and b.box is not None and overlap(a.box, b.box) >= SAME_FACE


def _forms(name: str) -> set[str]:
    """A name as it is and as hierarchies have it, which cannot hold their own separators."""
    forms = (name, *(name.replace(listed.separator, "-") for listed in NAME_LISTS if listed.separator))
    return {folded(form) for form in forms}
