"""Faces into people.

density.py        DBSCAN as scikit-learn has it, on a sparse graph
grouping.py       the default: strict density cores, joined on average evidence; weak faces come last
plain.py          DBSCAN at the eps that the user gives
evidence.py       what the calibration and the size of the library say about a distance
content.py        an order of the faces that does not depend on when they came
candidates.py     the pairs of faces that are looked at
agglomeration.py  joining groups, best first, within what the user has decided
said.py           what the user has decided, as rows
"""

from facesearch.clustering.density import NOISE, dbscan, radius_graph, renumber_by_size
from facesearch.clustering.grouping import Cuts, Faces, Grouper, Options, group
from facesearch.clustering.said import Said

__all__ = [
    "NOISE",
    "Cuts",
    "Faces",
    "Grouper",
    "Options",
    "Said",
    "dbscan",
    "group",
    "radius_graph",
    "renumber_by_size",
]
