"""A photo and its sidecars -> the people named in them."""

import os
from dataclasses import dataclass
from xml.dom import minidom

from facesearch.core.errors import PhotoError
from facesearch.core.names import folded
from facesearch.media import Failure
from facesearch.sharing.xmp import rdf
from facesearch.sharing.xmp.document import parse
from facesearch.sharing.xmp.faces import MICROSOFT, MWG
from facesearch.sharing.xmp.frame import Frame, read_frame
from facesearch.sharing.xmp.packets import embedded_packet, read_packet, sidecars_of
from facesearch.sharing.xmp.people import NAME_LISTS, read_people
from facesearch.sharing.xmp.region import Region, overlap

__all__ = ["NamesFound", "read_names", "read_sidecar"]

# Programs draw boxes of different size around a face: of two squares with the same centre, one 1.8 times as wide as
# the other, the overlap is 0.3. Faces side by side hardly overlap.
SAME_FACE = 0.25


@dataclass(frozen=True, slots=True)
class NamesFound:
    """The people that other programs, or an earlier export, named in a photo.

    regions: faces with a box, named or not, then people who are only said to be in the photo, with box None.
    failures: sidecars, or the photo, whose XMP could not be read, with the reason.
    """

    regions: tuple[Region, ...] = ()
    failures: tuple[Failure, ...] = ()


def read_names(photo: str | os.PathLike[str]) -> NamesFound:
    """Read names and face regions from a photo's sidecars (IMG.jpg.xmp, IMG.xmp) and from the photo itself.

    Where they contradict each other, the sidecars win, IMG.jpg.xmp first: programs that write one leave the photo
    as it was. Whatever is damaged ends up in the failures; nothing is raised.
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
            packet = embedded_packet(path) if source == path else read_packet(source)
            if packet is not None:
                regions = _combine(regions, _regions(parse(packet), frame))
        except PhotoError as error:
            failures.append(Failure(source, str(error)))
    return NamesFound(tuple(regions), tuple(failures))


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
    found: list[Region] = []
    for dialect in (MWG, MICROSOFT):
        stored = [region for region in dialect.read(document, frame) if region.kind in ("Face", "")]
        faces = [Region(s.name, None if s.area is None else _box(frame, s.area)) for s in stored]
        found = _combine(found, [face for face in faces if face.name or face.box])
    return _combine(found, [Region(name, None) for name in read_people(document)])


def _box(frame: Frame, area: tuple[float, float, float, float]) -> tuple[float, float, float, float] | None:
    box = frame.to_displayed(area)
    return box if box[0] < box[2] and box[1] < box[3] else None  # a hostile width of 1e-300 is none


def _combine(known: list[Region], more: list[Region]) -> list[Region]:
    """Known regions, completed by what others say; a face has the name that it was given first."""
    faces = [region for region in known if region.box is not None]
    for region in more:
        same = [i for i, face in enumerate(faces) if _same_place(face, region)]
        if region.box is not None and not same:
            faces.append(region)
        elif same and faces[same[0]].name is None:
            faces[same[0]] = Region(region.name, faces[same[0]].box)
    named = {form for face in faces if face.name for form in _forms(face.name)}
    people: list[Region] = []
    for region in [*known, *more]:
        if region.box is None and region.name and folded(region.name) not in named:
            people.append(region)
            named.update(_forms(region.name))
    return faces + people


def _same_place(a: Region, b: Region) -> bool:
    return a.box is not None and b.box is not None and overlap(a.box, b.box) >= SAME_FACE


def _forms(name: str) -> set[str]:
    """A name as it is and as hierarchies have it, which cannot hold their own separators."""
    forms = (name, *(name.replace(listed.separator, "-") for listed in NAME_LISTS if listed.separator))
    return {folded(form) for form in forms}
