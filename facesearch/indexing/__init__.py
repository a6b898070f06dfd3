"""Media -> faces in the store: index, migrate, remove.

May import pipeline, storage and everything below them.
"""

from facesearch.indexing.indexer import IndexReport, Progress, index_photos

__all__ = ["IndexReport", "Progress", "index_photos"]
