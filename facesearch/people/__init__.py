"""People, clusters and the user's decisions about them; decisions outlive every clustering.

May import clustering, pipeline, storage and what lies below them.

people.py       `Library.people`: every question and every decision
clusters.py     how the user refers to clusters and people
decisions.py    name, merge, split, reject, not a face, ignore; each can be undone
hiding.py       ignoring everybody who is on few photos
clustering.py   clustering within all decisions, which keeps the clusters' numbers; faces that came since
growing.py      clusters that appear and grow while photos come in
suggestions.py  pairs of clusters that may be one person
likely.py       whose the faces in no cluster may be
explanation.py  why a face is where it is
forgetting.py   taking a person out for good
browsing/       people, faces and photos a page at a time
thumbnails.py   small pictures of faces and photos
"""

from facesearch.people.people import People

__all__ = ["People"]
