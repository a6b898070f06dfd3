"""Embeddings and constraints -> clusters: pure functions on arrays, exact for few faces and approximate for many.

May import calibration and core; knows nothing of files and databases.
"""

from facesearch.clustering.clusterer import Clusterer, Cuts, Faces, Options, group
from facesearch.clustering.constraints import Constraints
from facesearch.clustering.density import NOISE, dbscan, radius_graph, renumber_by_size

__all__ = [
    "NOISE",
    "Clusterer",
    "Constraints",
    "Cuts",
    "Faces",
    "Options",
    "dbscan",
    "group",
    "radius_graph",
    "renumber_by_size",
]
