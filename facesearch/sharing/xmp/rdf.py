"""XMP's subset of RDF: values, fields and arrays (XMP specification part 1, ISO 16684-1, section 7).

One value may be written in several ways: a simple one as an attribute or as an element, a structure as fields inside
rdf:Description, inside rdf:parseType="Resource", or as attributes. All are read; what is there is edited in the way in
which it was written.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias
from xml.dom import XML_NAMESPACE, XMLNS_NAMESPACE, minidom

from facesearch.core.errors import PhotoError
from facesearch.sharing.xmp.schema import LISTS, NAMESPACES, QName, qname

__all__ = [
    "Element",
    "Value",
    "add",
    "children",
    "descriptions",
    "find_property",
    "holder",
    "items",
    "list_of",
    "make",
    "remove",
    "set_field",
    "takes_elements",
    "text_of",
    "value_of",
]

Element = minidom.Element
Value: TypeAlias = str | list["Value"] | dict[QName, "Value"]

_RDF, _DESCRIPTION, _LI = qname("rdf:RDF"), qname("rdf:Description"), qname("rdf:li")
_RDF_VALUE = qname("rdf:value")
_NOT_FIELDS = {NAMESPACES["rdf"], XML_NAMESPACE, XMLNS_NAMESPACE, None}


def name_of(element: Element) -> QName:
    return element.namespaceURI or "", element.localName or ""


def children(element: minidom.Document | Element, name: QName | None = None) -> list[Element]:
    """Elements directly inside another, all or those of one name."""
    inside = [node for node in element.childNodes if isinstance(node, minidom.Element)]
    return [node for node in inside if name is None or name_of(node) == name]


def descriptions(document: minidom.Document) -> list[Element]:
    """The rdf:Description elements, each with some of the photo's properties.

    Raises:
        PhotoError: not XMP.
    """
    root = document.documentElement
    rdf = [root] if root is not None and name_of(root) == _RDF else children(root, _RDF) if root is not None else []
    if not rdf:
        raise PhotoError("well-formed XML, but not XMP: it has no rdf:RDF")
    found = children(rdf[0], _DESCRIPTION)
    if not found:
        found = [add(rdf[0], make(document, "rdf:Description", attributes={"rdf:about": ""}))]
    return found


def find_property(document: minidom.Document, name: QName) -> Element | None:
    """The first element of that name among the photo's properties; one that was an attribute becomes an element."""
    for description in descriptions(document):
        for element in children(description, name):
            return element
    for description in descriptions(document):
        if description.hasAttributeNS(*name):
            attribute = description.getAttributeNodeNS(*name)
            assert attribute is not None
            element = make(document, attribute.name, text=attribute.value, namespace=name[0])
            description.removeAttributeNS(*name)
            return add(description, element)
    return None


# --- reading


def text_of(document: minidom.Document, name: str) -> str:
    """A simple property's text; empty where there is none. The document stays as it is."""
    key = qname(name)
    for description in descriptions(document):
        if description.hasAttributeNS(*key):
            return description.getAttributeNS(*key)
        for element in children(description, key):
            value = value_of(element)
            if isinstance(value, str):
                return value
    return ""


def value_of(element: Element) -> Value:
    """A property, field or item as a str, a list or a dict of its fields."""
    if list_of(element) is not None:
        return [value_of(item) for item in items(element)]
    fields = dict(_fields(holder(element)))
    if fields:
        return fields.get(_RDF_VALUE, fields)
    text = "".join(node.data for node in element.childNodes if isinstance(node, minidom.Text))
    return text or element.getAttributeNS(NAMESPACES["rdf"], "resource")


def _fields(element: Element) -> Iterator[tuple[QName, Value]]:
    for attribute in element.attributes.values():
        if attribute.namespaceURI not in _NOT_FIELDS:
            yield (attribute.namespaceURI or "", attribute.localName or ""), attribute.value
    for child in children(element):
        yield name_of(child), value_of(child)


def holder(element: Element) -> Element:
    """The element that has the fields of a structure: a description inside it, or itself."""
    inside = children(element, _DESCRIPTION)
    return inside[0] if inside else element


def list_of(element: Element) -> Element | None:
    """The rdf:Bag, rdf:Seq or rdf:Alt of an array."""
    return next((child for child in children(element) if name_of(child) in LISTS), None)


def items(element: Element) -> list[Element]:
    array = list_of(element)
    return [] if array is None else children(array, _LI)


# --- editing


def make(
    document: minidom.Document,
    name: str,
    inside: Sequence[Element] = (),
    text: str | None = None,
    attributes: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Element:
    """A new element; prefixes are those of the schema unless a namespace is given."""
    element = document.createElementNS(namespace or qname(name)[0], name)
    for key, value in (attributes or {}).items():
        element.setAttributeNS(qname(key)[0], key, value)
    for child in inside:
        element.appendChild(child)
    if text is not None:
        element.appendChild(document.createTextNode(text))
    return element


def add(parent: Element, element: Element) -> Element:
    """Put a new element at the end of another, indented."""
    depth = 0
    above = parent.parentNode
    while above is not None:
        depth, above = depth + 1, above.parentNode
    document = parent.ownerDocument
    assert document is not None
    last = parent.lastChild
    if isinstance(last, minidom.Text) and not last.data.strip():
        parent.removeChild(last)
    parent.appendChild(document.createTextNode("\n" + " " * depth))
    parent.appendChild(element)
    parent.appendChild(document.createTextNode("\n" + " " * (depth - 1)))
    _indent(document, element, depth)
    return element


def _indent(document: minidom.Document, element: Element, depth: int) -> None:
    inside = children(element)
    if not inside or len(inside) != len(element.childNodes):
        return
    for child in inside:
        element.insertBefore(document.createTextNode("\n" + " " * (depth + 1)), child)
        _indent(document, child, depth + 1)
    element.appendChild(document.createTextNode("\n" + " " * depth))


def remove(element: Element) -> None:
    """Take an element out, with the white space before it."""
    parent, before = element.parentNode, element.previousSibling
    assert isinstance(parent, minidom.Element)
    if isinstance(before, minidom.Text) and not before.data.strip():
        parent.removeChild(before)
    parent.removeChild(element)


def set_field(structure: Element, name: str, text: str | None) -> None:
    """Set a simple field of the element that holds the fields; None takes it out."""
    namespace, local = qname(name)
    old = children(structure, (namespace, local))
    for element in old[0 if text is None else 1 :]:
        remove(element)
    if text is None or old:
        if structure.hasAttributeNS(namespace, local):
            structure.removeAttributeNS(namespace, local)
        if text is not None:
            _set_text(old[0], text)
    elif (attribute := structure.getAttributeNodeNS(namespace, local)) is not None:
        attribute.value = text  # under the prefix that it has
    elif not takes_elements(structure):
        structure.setAttributeNS(namespace, name, text)
    else:
        document = structure.ownerDocument
        assert document is not None
        add(structure, make(document, name, text=text))


def takes_elements(structure: Element) -> bool:
    """Whether fields may be elements; a structure written as attributes only must stay without content."""
    resource = structure.getAttributeNS(NAMESPACES["rdf"], "parseType") == "Resource"
    return resource or name_of(structure) == _DESCRIPTION or bool(children(structure))


def _set_text(element: Element, text: str) -> None:
    document = element.ownerDocument
    assert document is not None
    while element.firstChild is not None:
        element.removeChild(element.firstChild)
    element.appendChild(document.createTextNode(text))
