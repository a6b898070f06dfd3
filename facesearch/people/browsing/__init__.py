"""Reading a library a page at a time, however large it is: people, faces, photos, and pairs to decide about.

    cursors.py   where a page ended, as text
    groups.py    groups as cards: who, how many, and a face to show
    faces.py     faces of a group by date or by doubt, and faces in none
    photos.py    photos by date, one photo, and who is with whom
    pairs.py     pairs of groups that may be one person
    browser.py   `Library.browse`

Nothing is decided here and nothing is written.
"""

from facesearch.people.browsing.browser import Browser

__all__ = ["Browser"]
