"""Lists of names: which people are in a photo, without saying where.

digiKam:TagsList            "People/Anna"    digiKam; "/" separates the levels
lr:hierarchicalSubject      "People|Anna"    Lightroom, Bridge; "|" separates the levels
dc:subject                  "Anna"           every program's flat keywords; never read, since they may be anything
Iptc4xmpExt:PersonInImage   "Anna"           IPTC's "Person Shown in the Image"
"""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.dom import minidom

from facesearch.core.names import folded
from facesearch.sharing.xmp import rdf
from facesearch.sharing.xmp.region import clean_name
from facesearch.sharing.xmp.schema import qname

__all__ = ["NAME_LISTS", "NameList", "read_people"]

# digiKam's own tags below People, for faces that it found and does not know.
_NOT_PEOPLE = {"unknown", "unconfirmed", "ignored"}

_MAX_LENGTH = 500  # of a keyword with all its levels; longer ones are an attack or a mistake


@dataclass(frozen=True)
class NameList:
    """One of these properties.

    separator: between the levels of a hierarchy; "" where the list is flat.
    """

    prop: str
    array: str
    separator: str

    def entry(self, name: str) -> str:
        """How the list has a name; a separator in it becomes a hyphen."""
        return f"People{self.separator}{name.replace(self.separator, '-')}" if self.separator else name

    def has(self, entries: Iterable[str], name: str) -> bool:
        """Whether a name is listed already, perhaps further down: People/Family/Anna."""
        called = folded(self.entry(name).split(self.separator)[-1] if self.separator else name)
        if not self.separator:
            return any(folded(entry) == called for entry in entries)
        start, end = folded(self.entry("")), self.separator + called
        return any(folded(entry).startswith(start) and folded(entry).endswith(end) for entry in entries)

    def read(self, document: minidom.Document) -> list[str]:
        found = rdf.find_property(document, qname(self.prop))
        value = [] if found is None else rdf.value_of(found)
        entries = value if isinstance(value, list) else [value]
        return [entry for entry in entries if isinstance(entry, str) and entry]

    def add(self, document: minidom.Document, entry: str) -> None:
        found = rdf.find_property(document, qname(self.prop))
        if found is None:
            found = rdf.add(rdf.descriptions(document)[0], rdf.make(document, self.prop))
        array = rdf.list_of(found)
        if array is None:  # a single value where a list should be
            single = rdf.value_of(found)
            rdf.remove(found)
            found = rdf.add(rdf.descriptions(document)[0], rdf.make(document, self.prop))
            array = rdf.add(found, rdf.make(document, self.array))
            if isinstance(single, str) and single:
                rdf.add(array, rdf.make(document, "rdf:li", text=single))
        rdf.add(array, rdf.make(document, "rdf:li", text=entry))

    def take_out(self, document: minidom.Document, entry: str) -> None:
        found = rdf.find_property(document, qname(self.prop))
        for item in rdf.items(found) if found is not None else []:
            if rdf.value_of(item) == entry:
                rdf.remove(item)
                return

    def drop_if_empty(self, document: minidom.Document) -> None:
        found = rdf.find_property(document, qname(self.prop))
        if found is not None and not rdf.value_of(found):
            rdf.remove(found)


NAME_LISTS = (
    NameList("digiKam:TagsList", "rdf:Seq", "/"),
    NameList("lr:hierarchicalSubject", "rdf:Bag", "|"),
    NameList("dc:subject", "rdf:Bag", ""),
    NameList("Iptc4xmpExt:PersonInImage", "rdf:Bag", ""),
)
_TAGS, _HIERARCHY, _, _SHOWN = NAME_LISTS


def read_people(document: minidom.Document) -> list[str]:
    """Names of people that a photo shows, by its lists; each once, in their order.

    Below People, only the last level is a name, and only where nothing hangs below it: "People|Family" next to
    "People|Family|Anna" is a group.
    """
    names = [clean_name(name) for name in _SHOWN.read(document)]
    for listed in (_TAGS, _HIERARCHY):
        entries = [entry for entry in listed.read(document) if len(entry) <= _MAX_LENGTH]
        paths = [tuple(entry.split(listed.separator)) for entry in entries]
        groups = {path[:n] for path in paths for n in range(1, len(path))}
        people = [path for path in paths if len(path) > 1 and path[0].lower() == "people" and path not in groups]
        names += [clean_name(path[-1]) for path in people if path[-1].lower() not in _NOT_PEOPLE]
    return list({folded(name): name for name in reversed(names) if name is not None}.values())[::-1]
