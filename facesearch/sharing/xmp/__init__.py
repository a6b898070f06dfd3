"""People's names in XMP, as other photo programs write and read them: in sidecars and inside photos.

May import media and core. A photo is never written to, only sidecars are.
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
