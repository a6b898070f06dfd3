"""Namespaces of XMP: those that we read and write, with the prefixes that their owners chose."""

__all__ = ["LISTS", "NAMESPACES", "QName", "qname"]

QName = tuple[str, str]

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "x": "adobe:ns:meta/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    # Which file a sidecar belongs to, and what continues a packet.
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
    # Ours; nobody can ever own a host name under .invalid (RFC 2606).
    "facesearch": "http://ns.facesearch.invalid/1.0/",
}


def qname(name: str) -> QName:
    """ "dc:subject" -> (namespace, "subject")."""
    prefix, local = name.split(":")
    return NAMESPACES[prefix], local


LISTS = frozenset(qname(f"rdf:{kind}") for kind in ("Bag", "Seq", "Alt"))
