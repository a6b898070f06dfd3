"""People, clusters, and every decision about them; they outlive every clustering.

May import pipeline, clustering, storage and everything below them.
"""

from facesearch.people.people import People

__all__ = ["People"]
