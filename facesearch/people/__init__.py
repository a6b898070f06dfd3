"""People and what was decided about them; they outlive every clustering.

parties.py      groups and people as they are now, and how the user refers to them
decisions.py    name, merge, split, reject, not a face, ignore; each can be undone
grouping.py     clustering that respects all decisions and keeps the groups' numbers; faces that came since
album.py        photos by who is in them
suggestions.py  pairs of groups that may be one person
explanation.py  why a face is where it is
agreement.py    groups that fit what was said, after an undo
forgetting.py   taking somebody out for good
"""

from facesearch.people.people import People

__all__ = ["People"]
