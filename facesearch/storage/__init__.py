"""Where faces are kept and found again: SQLite for what is known, FAISS for what is near."""

from facesearch.storage.face_table import FaceTable
from facesearch.storage.records import IndexCounts, KnownPath
from facesearch.storage.store import Store

__all__ = ["FaceTable", "IndexCounts", "KnownPath", "Store"]
