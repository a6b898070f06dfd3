"""People's names in XMP, as other photo programs write and read them: in sidecars and inside photos.

    reading.py   a photo, its sidecars -> the people named in them
    writing.py   people -> a sidecar, merged with what other programs keep in it
    packets.py   where a photo's XMP is: inside the file, or in the sidecars beside it
    faces.py     face regions: MWG's and Microsoft's
    people.py    lists of names: keywords of digiKam and Lightroom, IPTC's PersonInImage
    rdf.py       XMP's subset of RDF: values, fields, arrays
    document.py  XML from strangers -> a tree, and back without losing anything
    schema.py    namespaces
    frame.py     stored pixels and displayed pixels
    region.py    a person in a photo

Coordinates in the files belong to the stored image, before the EXIF orientation is applied: "Guidelines for Handling
Image Metadata" 2.0 of the Metadata Working Group (MWG, 2010), section 5.9, demands it of every writer. digiKam writes
MWG's regions like that, and Immich reads them so (its issue 12440). Microsoft says nothing about it; its regions get
the same numbers, as in digiKam's files. Everywhere else in facesearch boxes belong to the photo as displayed.

A photo is never written to, only sidecars are.
"""

from facesearch.sharing.xmp.frame import Frame, read_frame
from facesearch.sharing.xmp.packets import sidecar_path
from facesearch.sharing.xmp.reading import NamesFound, read_names, read_sidecar
from facesearch.sharing.xmp.region import Region, clean_name
from facesearch.sharing.xmp.writing import write_sidecar

__all__ = [
    "Frame",
    "NamesFound",
    "Region",
    "clean_name",
    "read_frame",
    "read_names",
    "read_sidecar",
    "sidecar_path",
    "write_sidecar",
]
