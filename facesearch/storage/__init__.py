"""What a library holds, and the only place with SQL: SQLite is the truth, FAISS a cache of its embeddings.

May import core only.

store.py              `Store`: transactions, the lock, the vectors; what the other packages open
schema.py             the tables; migrations/ makes them, database.py opens them
catalog.py, runs.py, folders.py, dates.py     what indexing writes
photos.py, faces.py, clusters.py, persons.py  what is there, by id
constraints.py, undo_log.py, consistency.py   what the user has decided, and how it is undone
photo_pages.py, face_pages.py, cluster_pages.py  lists a page at a time; cursors.py says where a page ends
counts.py, status.py  how much there is
embeddings.py, face_table.py  the embeddings, and all that is known of many faces, as arrays
pending_faces.py      the faces of a library as another model or detector will have them
vectors.py, coarse.py the vector index: FAISS, a cache
thumbnails.py         small pictures, a cache
values.py, facts.py   what a column and a fact can hold, checked where they are read
checking.py, holding.py  what is wrong with a library; repairing.py, damaged_faces.py, salvage.py mend it
write_ahead.py        whether the log beside the database is its own
lock.py, privacy.py   one writer at a time; nobody but the owner
"""

from sqlalchemy import Connection

from facesearch.storage.counts import LibraryCounts
from facesearch.storage.face_table import FaceTable
from facesearch.storage.photos import KnownPath
from facesearch.storage.store import Store

# A transaction, as `Store.reading` and `Store.transaction` give it; what it is made of is storage's own business.
__all__ = ["Connection", "FaceTable", "KnownPath", "LibraryCounts", "Store"]
