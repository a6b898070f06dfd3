"""Where a library is kept: the only place with SQL, SQLite for what is known, FAISS for what is near.

May import core.
"""

from facesearch.storage.face_table import FaceTable
from facesearch.storage.records import IndexCounts, KnownPath, NewPhoto
from facesearch.storage.store import Store

__all__ = ["FaceTable", "IndexCounts", "KnownPath", "NewPhoto", "Store"]
