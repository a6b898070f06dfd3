"""Face regions: MWG's (Guidelines 2.0, section 5.9) and Microsoft's (People Tagging, schema Photo 1.2).

Both put a region's coordinates as shares, 0..1, of the stored image. MWG's are the centre, width and height, and come
with the size of the image that they were made on; Microsoft's are the top left corner, width and height.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from xml.dom import minidom

from facesearch.core.errors import PhotoError
from facesearch.sharing.xmp import rdf
from facesearch.sharing.xmp.frame import Frame
from facesearch.sharing.xmp.region import Box, clean_name
from facesearch.sharing.xmp.schema import NAMESPACES, QName, qname

__all__ = ["MICROSOFT", "MWG", "Dialect", "StoredRegion"]

# Picasa's and Windows Live Photo Gallery's name for a face that the user told them to ignore.
_IGNORED_FACE = "f" * 16

_MAX_REGIONS = 2_000  # they are compared with each other; the fullest photos known show a thousand faces

Size = tuple[float, float]


@dataclass(frozen=True)
class StoredRegion:
    """A region as it is in a file.

    name: None where it has none.
    area: (x1, y1, x2, y2) as shares of the stored image; None where it has none, or none that fits the photo.
    kind: "Face", "Pet", "Focus", "BarCode", or "" where nothing is said.
    element: the rdf:li it comes from.
    as_written: the area as the file has it, whether it fits the photo or not.
    placed: whether the file says anything about where it is, be it readable or not.
    """

    name: str | None
    area: Box | None
    kind: str
    element: rdf.Element | None = None
    as_written: Box | None = None
    placed: bool = True


class Dialect(ABC):
    """One of the two ways to write regions: a list inside a structure."""

    structure: str
    list_name: str
    name_field: str

    def find(self, document: minidom.Document) -> rdf.Element | None:
        """The structure's element."""
        return rdf.find_property(document, qname(self.structure))

    def read(self, document: minidom.Document, frame: Frame) -> list[StoredRegion]:
        """All regions of a document."""
        found = self._items(document)
        if len(found) > _MAX_REGIONS:
            raise PhotoError(f"the XMP has {len(found):,} regions, more than the limit of {_MAX_REGIONS:,}")
        applied = self.applied_to(document)
        return [self._read_item(item, frame, applied) for item in found]

    def applied_to(self, document: minidom.Document) -> Size | None:
        """(width, height) of the image that the regions were made on, None where nothing is said."""
        return None

    def append(self, document: minidom.Document, region: StoredRegion, frame: Frame) -> None:
        """Write one more region, and what its readers need to know of the image."""
        listed = self._make_list(document)
        rdf.add(listed, self._make_item(document, region))
        self._describe_image(document, frame)

    def set_name(self, region: StoredRegion, name: str | None) -> None:
        """Name a region that is in the document, or take its name away."""
        assert region.element is not None
        rdf.set_field(rdf.holder(region.element), self.name_field, name)

    def drop_if_empty(self, document: minidom.Document) -> None:
        """Take the structure out when its list has become empty."""
        structure = self.find(document)
        if structure is not None and not self._items(document):
            rdf.remove(structure)

    def settle(self, document: minidom.Document, frame: Frame) -> None:  # noqa: B027 - nothing to do by default
        """Bring regions that break MWG's rule about the orientation in line with it."""

    def _items(self, document: minidom.Document) -> list[rdf.Element]:
        structure = self.find(document)
        lists = [] if structure is None else rdf.children(rdf.holder(structure), qname(self.list_name))
        return rdf.items(lists[0]) if lists else []

    def _make_list(self, document: minidom.Document) -> rdf.Element:
        structure = self.find(document)
        if structure is None:
            structure = rdf.make(document, self.structure, attributes={"rdf:parseType": "Resource"})
            rdf.add(rdf.descriptions(document)[0], structure)
        held = rdf.holder(structure)
        if not rdf.takes_elements(held):
            held.setAttributeNS(NAMESPACES["rdf"], "rdf:parseType", "Resource")
        lists = rdf.children(held, qname(self.list_name)) or [rdf.add(held, rdf.make(document, self.list_name))]
        return rdf.list_of(lists[0]) or rdf.add(lists[0], rdf.make(document, "rdf:Bag"))

    def _describe_image(self, document: minidom.Document, frame: Frame) -> None:  # noqa: B027
        """Say what image the regions belong to."""

    @abstractmethod
    def _read_item(self, item: rdf.Element, frame: Frame, applied: Size | None) -> StoredRegion: ...

    @abstractmethod
    def _make_item(self, document: minidom.Document, region: StoredRegion) -> rdf.Element: ...


class _Mwg(Dialect):
    structure, list_name, name_field = "mwg-rs:Regions", "mwg-rs:RegionList", "mwg-rs:Name"

    def applied_to(self, document: minidom.Document) -> Size | None:
        structure = self.find(document)
        found = [] if structure is None else rdf.children(rdf.holder(structure), qname("mwg-rs:AppliedToDimensions"))
        dimensions = rdf.value_of(found[0]) if found else None
        width, height = (_number(dimensions, f"stDim:{side}") for side in "wh")
        return (width, height) if width and height and min(width, height) >= 1 else None

    def settle(self, document: minidom.Document, frame: Frame) -> None:
        if frame.space_of(self.applied_to(document)) != "displayed":
            return
        for region in self.read(document, frame):
            area = rdf.children(rdf.holder(region.element), qname("mwg-rs:Area")) if region.element else []
            if area and region.area is not None:
                for key, text in _mwg_area(region.area).items():
                    rdf.set_field(rdf.holder(area[0]), key, text)
        self._describe_image(document, frame)

    def _read_item(self, item: rdf.Element, frame: Frame, applied: Size | None) -> StoredRegion:
        fields = _fields(item)
        as_written = _read_mwg_area(fields.get(qname("mwg-rs:Area")), applied)
        space = frame.space_of(applied)
        area = as_written if space is not None else None
        if area is not None and space == "displayed":
            area = frame.turn_back(area)
        kind = _text(fields, "mwg-rs:Type").capitalize()
        placed = qname("mwg-rs:Area") in fields
        return StoredRegion(_name(fields, self.name_field), area, kind, item, as_written, placed)

    def _make_item(self, document: minidom.Document, region: StoredRegion) -> rdf.Element:
        assert region.area is not None
        numbers = [rdf.make(document, key, text=text) for key, text in _mwg_area(region.area).items()]
        resource = {"rdf:parseType": "Resource"}
        fields = [rdf.make(document, "mwg-rs:Area", numbers, attributes=resource)]
        fields.append(rdf.make(document, "mwg-rs:Type", text=region.kind))
        if region.name is not None:
            fields.append(rdf.make(document, "mwg-rs:Name", text=region.name))
        return rdf.make(document, "rdf:li", fields, attributes=resource)

    def _describe_image(self, document: minidom.Document, frame: Frame) -> None:
        structure, applied = self.find(document), self.applied_to(document)
        if structure is None or (applied is not None and frame.space_of(applied) == "stored"):
            return  # the size of a preview is as good
        held, name = rdf.holder(structure), "mwg-rs:AppliedToDimensions"
        found = rdf.children(held, qname(name))
        if not found:
            found = [rdf.add(held, rdf.make(document, name, attributes={"rdf:parseType": "Resource"}))]
        width, height = frame.stored_size
        for key, text in (("stDim:w", str(width)), ("stDim:h", str(height)), ("stDim:unit", "pixel")):
            rdf.set_field(rdf.holder(found[0]), key, text)


class _Microsoft(Dialect):
    structure, list_name, name_field = "MP:RegionInfo", "MPRI:Regions", "MPReg:PersonDisplayName"

    def _read_item(self, item: rdf.Element, frame: Frame, applied: Size | None) -> StoredRegion:
        fields = _fields(item)
        rectangle = _text(fields, "MPReg:Rectangle")
        numbers = [_parse(part) for part in rectangle.split(",")]
        area = None
        if len(numbers) == 4:
            x, y, w, h = numbers
            if x is not None and y is not None and w and h:
                area = _sensible((x, y, x + w, y + h))
        return StoredRegion(_name(fields, self.name_field), area, "Face", item, area, bool(rectangle))

    def _make_item(self, document: minidom.Document, region: StoredRegion) -> rdf.Element:
        assert region.area is not None
        x1, y1, x2, y2 = region.area
        rectangle = ", ".join(f"{share:.6f}" for share in (x1, y1, x2 - x1, y2 - y1))
        fields = [rdf.make(document, "MPReg:Rectangle", text=rectangle)]
        fields.append(rdf.make(document, self.name_field, text=region.name or ""))
        return rdf.make(document, "rdf:li", fields, attributes={"rdf:parseType": "Resource"})


MWG = _Mwg()
MICROSOFT = _Microsoft()


def _mwg_area(area: Box) -> dict[str, str]:
    x1, y1, x2, y2 = area
    numbers = {"x": (x1 + x2) / 2, "y": (y1 + y2) / 2, "w": x2 - x1, "h": y2 - y1}
    return {f"stArea:{key}": f"{share:.6f}" for key, share in numbers.items()} | {"stArea:unit": "normalized"}


def _read_mwg_area(value: rdf.Value | None, applied: Size | None) -> Box | None:
    """None for points and circles, which have no width."""
    x, y, w, h = (_number(value, f"stArea:{key}") for key in "xywh")
    if x is None or y is None or not w or not h:
        return None
    if isinstance(value, dict) and value.get(qname("stArea:unit")) == "pixel":
        if applied is None:
            return None
        x, y, w, h = x / applied[0], y / applied[1], w / applied[0], h / applied[1]
    return _sensible((x - w / 2, y - h / 2, x + w / 2, y + h / 2))


def _sensible(area: Box) -> Box | None:
    """None where the centre lies outside the image: MWG has readers ignore such regions, and clip all others."""
    x1, y1, x2, y2 = area
    inside = x1 < x2 and y1 < y2 and 0 <= (x1 + x2) / 2 <= 1 and 0 <= (y1 + y2) / 2 <= 1
    return area if inside else None


def _fields(element: rdf.Element | None) -> dict[QName, rdf.Value]:
    value = "" if element is None else rdf.value_of(element)
    return value if isinstance(value, dict) else {}


def _text(fields: dict[QName, rdf.Value], name: str) -> str:
    value = fields.get(qname(name), "")
    return value.strip() if isinstance(value, str) else ""


def _name(fields: dict[QName, rdf.Value], field: str) -> str | None:
    name = clean_name(_text(fields, field))
    return None if name == _IGNORED_FACE else name


def _number(value: rdf.Value | None, name: str) -> float | None:
    return _parse(_text(value, name)) if isinstance(value, dict) else None


def _parse(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
