"""`facesearch adapt`: the library's embedder, trained further on the people whom its user has named.

people      whose faces count, and which photos are of one event
splitting   who is learnt from, who chooses, and who is held out
crops       their photos, read again
figures     what an embedder is worth on people held out: pairs, searches, clusters; and by how much two of them differ
learning    the training, and how far it is followed
run         all of it, to a model that is kept or not
"""

__all__: list[str] = []
