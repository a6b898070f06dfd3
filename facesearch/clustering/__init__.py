"""Embeddings and constraints -> clusters: pure functions on arrays, exact for few faces and approximate for many.

May import calibration and core; knows nothing of files and databases.
"""

from facesearch.clustering.clusterer import Cuts, Faces, Grouper, Options, group
from facesearch.clustering.constraints import Said
from facesearch.clustering.density import NOISE, dbscan, radius_graph, renumber_by_size

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
