"""A library a page at a time, however large it is: people, faces, photos, pairs to decide about. Read only.

May import what people may. Pages are read by `cluster_pages`, `face_pages` and `photo_pages` of storage.
"""

from facesearch.people.browsing.browser import Browser
from facesearch.people.browsing.left import LeftToDo

__all__ = ["Browser", "LeftToDo"]
