"""XML from strangers -> a tree, and back without losing anything.

Python's own parser (expat) is safe without document type declarations: entities, and all that is built of them
(billion laughs, files and addresses that are fetched), can only be declared there. XMP has none, so a document with
one is refused. The rest of the danger is size, which is limited before a tree is built.
"""

from collections.abc import Iterator
from typing import Any
from xml.dom import XML_NAMESPACE, XMLNS_NAMESPACE, minidom
from xml.parsers import expat

from facesearch.core.errors import PhotoError
from facesearch.sharing.xmp.schema import NAMESPACES

__all__ = ["MAX_BYTES", "check_size", "empty_document", "parse", "serialize"]

# Programs write some kilobytes; minidom takes time that grows with the square of a text's length.
MAX_BYTES = 2_000_000
_MAX_DEPTH = 100
_MAX_NODES = 200_000  # a node takes a kilobyte; retouching with hundreds of brush strokes makes some ten thousand

_NOT_WRITTEN = ("rdf", "x", "crs", "xmpMM", "xmpNote")
_PREFIXES = "".join(f'\n    xmlns:{p}="{uri}"' for p, uri in NAMESPACES.items() if p not in _NOT_WRITTEN)
_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="facesearch">\n'
    ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    f'  <rdf:Description rdf:about=""{_PREFIXES}>\n'
    "  </rdf:Description>\n"
    " </rdf:RDF>\n"
    '</x:xmpmeta><?xpacket end="w"?>'
)


def empty_document() -> minidom.Document:
    """An XMP packet with one rdf:Description, about nothing yet."""
    return parse(_EMPTY.encode())


def check_size(size_bytes: int) -> None:
    """Raises PhotoError where XMP is too long to be read."""
    if size_bytes > MAX_BYTES:
        raise PhotoError(f"the XMP has {size_bytes / 1e6:,.1f} MB, more than the limit of {MAX_BYTES / 1e6:g} MB")


def parse(data: bytes) -> minidom.Document:
    """An XMP packet -> its tree.

    Raises:
        PhotoError: not well-formed, too large, or with a document type declaration.
    """
    data = data.strip(b"\0 \t\r\n") if not data.startswith((b"\xff\xfe", b"\xfe\xff")) else data
    check_size(len(data))
    try:
        _Screen().check(data)
        return minidom.parseString(data)
    except (expat.ExpatError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise PhotoError(f"the XMP is damaged: {error}") from error


class _Screen:
    """Reads a document without keeping it."""

    def __init__(self) -> None:
        self.depth = 0
        self.nodes = 0

    def check(self, data: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CommentHandler = self._count
        parser.ProcessingInstructionHandler = self._count
        parser.StartCdataSectionHandler = self._count
        parser.Parse(data, True)

    def _doctype(self, *_: Any) -> None:
        raise PhotoError("the XMP has a document type declaration, which XMP never has: it was not read")

    def _start(self, _name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise PhotoError(f"the XMP is nested more than {_MAX_DEPTH} deep")
        self.nodes += len(attributes) + 1  # and the white space before the element
        self._count()

    def _end(self, _name: str) -> None:
        self.depth -= 1

    def _count(self, *_: Any) -> None:
        self.nodes += 1
        if self.nodes > _MAX_NODES:
            raise PhotoError(f"the XMP has more than {_MAX_NODES:,} elements and attributes")


def serialize(document: minidom.Document) -> bytes:
    """A tree -> UTF-8. Declares the prefixes that are used and not declared.

    minidom's own toxml() writes line breaks in attributes as they are, and the next reader takes them for spaces.
    """
    bound = {"": "", "xml": XML_NAMESPACE}
    lines = ["".join(_pieces(node, bound)) for node in document.childNodes]
    return ("\n".join(lines) + "\n").encode()


def _pieces(node: Any, bound: dict[str, str]) -> Iterator[str]:
    """bound: the namespace of each prefix that is in force."""
    if node.nodeType == node.ELEMENT_NODE:
        yield from _element(node, bound)
    elif node.nodeType == node.TEXT_NODE:
        yield _escape(node.data)
    elif node.nodeType == node.CDATA_SECTION_NODE:
        yield f"<![CDATA[{node.data}]]>"
    elif node.nodeType == node.COMMENT_NODE:
        yield f"<!--{node.data}-->"
    elif node.nodeType == node.PROCESSING_INSTRUCTION_NODE:
        yield f"<?{node.target} {node.data}?>"


def _element(element: Any, bound: dict[str, str]) -> Iterator[str]:
    attributes = element.attributes.values()
    declared = {
        "" if a.name == "xmlns" else a.localName: a.value for a in attributes if a.namespaceURI == XMLNS_NAMESPACE
    }
    if declared:  # copied for these only: there may be thousands
        bound = bound | declared
    yield f"<{element.tagName}"
    for node in [element, *(a for a in attributes if a.prefix and a.namespaceURI != XMLNS_NAMESPACE)]:
        prefix, namespace = node.prefix or "", node.namespaceURI or ""
        if bound.get(prefix) != namespace:
            bound = bound | {prefix: namespace}
            yield f' xmlns{":" if prefix else ""}{prefix}="{_escape_attribute(namespace)}"'
    for a in attributes:
        yield f' {a.name}="{_escape_attribute(a.value)}"'
    if not element.childNodes:
        yield "/>"
        return
    yield ">"
    for child in element.childNodes:
        yield from _pieces(child, bound)
    yield f"</{element.tagName}>"


def _escape(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\r", "&#13;")  # a bare one would be read as a line feed


def _escape_attribute(text: str) -> str:
    return _escape(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
