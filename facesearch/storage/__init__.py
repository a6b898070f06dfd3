"""What a library holds, and the only place with SQL: SQLite is the truth, FAISS a cache of its embeddings.

May import core only.
"""

from sqlalchemy import Connection

from facesearch.storage.face_table import FaceTable
from facesearch.storage.records import KnownPath, LibraryCounts
from facesearch.storage.store import Store

# A transaction, as `Store.reading` and `Store.transaction` give it; what it is made of is storage's own business.
__all__ = ["Connection", "FaceTable", "KnownPath", "LibraryCounts", "Store"]
