"""Embeddings -> clusters, within constraints: pure functions on arrays.

May import calibration and core.

density.py        DBSCAN as scikit-learn has it, on a sparse graph
clusterer.py      the default: strict density cores, joined on average evidence; weak faces come last
plain.py          DBSCAN at the eps that the user gives
evidence.py       what the calibration and the size of the library say about a distance
content.py        an order of the faces that does not depend on when they came
few.py            up to 20,000 faces: all pairs that are near enough, joined by
agglomeration.py  joining clusters, best first, within the constraints
many.py           more faces: the pairs of near ones that are proposed, joined by
rounds.py         the same in rounds, many pairs at once
candidates.py     all pairs of faces within a radius, and those of one photo
links.py          density cores from pairs
constraints.py    what the user has decided, as rows of arrays
near.py           who proposes them: on a GPU, which compares all, or near_lists.py, which is approximate
neighbours.py     exact neighbours
"""

from facesearch.clustering.clusterer import Clusterer, Cuts, Faces, Options, cluster_faces
from facesearch.clustering.constraints import Constraints
from facesearch.clustering.density import NOISE, dbscan, radius_graph, renumber_by_size

__all__ = [
    "NOISE",
    "Clusterer",
    "Constraints",
    "Cuts",
    "Faces",
    "Options",
    "cluster_faces",
    "dbscan",
    "radius_graph",
    "renumber_by_size",
]
