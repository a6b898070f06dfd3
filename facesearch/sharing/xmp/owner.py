"""Which file a sidecar belongs to: IMG.xmp lies beside IMG.jpg and IMG.CR2, and may be of either.

photoshop:SidecarForExtension   "CR2"       Photoshop, Lightroom, Bridge
crs:RawFileName                 "IMG.CR2"   Camera Raw, Lightroom
xmpMM:DerivedFrom               "IMG.CR2"   darktable
"""

import os
from pathlib import Path
from xml.dom import minidom

from facesearch.core.names import folded
from facesearch.sharing.xmp import rdf

__all__ = ["claim", "owner_other_than"]

_EXTENSION, _NAMES = "photoshop:SidecarForExtension", ("crs:RawFileName", "xmpMM:DerivedFrom")


def owner_other_than(
    photo: str | os.PathLike[str], sidecar: str | os.PathLike[str], document: minidom.Document
) -> str | None:
    """The file that a sidecar says it belongs to, by name, if that is not this photo; None where it does not say.

    A sidecar that is called as the whole photo (IMG.jpg.xmp) is the photo's, whatever it says; one whose photo was
    renamed with it, too.
    """
    photo, sidecar = Path(photo), Path(sidecar)
    if folded(sidecar.stem) == folded(photo.name):
        return None
    extension = rdf.text_of(document, _EXTENSION).strip().lstrip(".")
    said = [f"{sidecar.stem}.{extension}"] if extension else []
    said += [os.path.basename(rdf.text_of(document, name).strip().replace("\\", "/")) for name in _NAMES]
    for name in filter(None, said):
        if folded(name) == folded(photo.name):
            return None
        if folded(Path(name).suffix) != folded(photo.suffix) or photo.with_name(name).exists():
            return name
    return None


def claim(document: minidom.Document, photo: str | os.PathLike[str]) -> None:
    """Say in a new sidecar that it belongs to a photo."""
    extension = Path(photo).suffix.lstrip(".")
    if extension:
        rdf.set_field(rdf.descriptions(document)[0], _EXTENSION, extension)
