"""Reading a library a page at a time, however large it is: people, faces, photos, and pairs to decide about.

    browser.py    `Library.browse`
    clusters.py   clusters with a cover, and names to complete
    doubt.py      faces of a cluster, the least certain first
    pairs.py      pairs of clusters that may be one person

Nothing is decided here and nothing is written. Every page is read by facesearch.storage, see `cluster_pages`,
`face_pages` and `photo_pages` there. May import what facesearch.people may.
"""

from facesearch.people.browsing.browser import Browser

__all__ = ["Browser"]
