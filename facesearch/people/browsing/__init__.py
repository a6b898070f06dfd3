"""A library a page at a time, however large it is: people, faces, photos, pairs to decide about. Read only.

Pages are read by `cluster_pages`, `face_pages` and `photo_pages` of storage. May import what people may.
"""

from facesearch.people.browsing.browser import Browser

__all__ = ["Browser"]
