"""Where faces are kept and found again: SQLite for what is known, FAISS for what is near."""

from sqlalchemy import Connection

from facesearch.storage.face_table import FaceTable
from facesearch.storage.records import IndexCounts, KnownPath, NewPhoto
from facesearch.storage.store import Store

__all__ = ["Connection", "FaceTable", "IndexCounts", "KnownPath", "NewPhoto", "Store"]
