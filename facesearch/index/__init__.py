"""Where faces are kept and found again: SQLite for what is known, FAISS for what is near."""

from facesearch.index.face_index import FaceIndex
from facesearch.index.records import FaceRecord, IndexCounts, KnownPath, NewFace, NewPhoto
from facesearch.index.table import FaceTable

__all__ = ["FaceIndex", "FaceRecord", "FaceTable", "IndexCounts", "KnownPath", "NewFace", "NewPhoto"]
