"""Identification (1:N): who is near a probe in the library; and verification (1:1): are two faces one person?

May import pipeline, storage and everything below them.
"""

from facesearch.searching.search import compare, faces_of, query

__all__ = ["compare", "faces_of", "query"]
