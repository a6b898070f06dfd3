"""Clusters with a cover: the face that shows best what they look like."""

from collections.abc import Sequence
from dataclasses import replace

from facesearch.core.names import folded
from facesearch.core.types import Cluster, Face
from facesearch.storage import Connection, cluster_pages

__all__ = ["clusters_of", "completions", "with_covers"]

# The cover is the best of so many faces, those that came first: so that it stays, and is found quickly.
COVER_OF = 16


def clusters_of(connection: Connection, clusters: Sequence[int]) -> list[Cluster]:
    """Those of some clusters that are there, in their order, with covers."""
    return with_covers(connection, cluster_pages.by_ids(connection, clusters))


def with_covers(connection: Connection, clusters: Sequence[Cluster]) -> list[Cluster]:
    faces = cluster_pages.first_faces(connection, [cluster.id for cluster in clusters], COVER_OF)
    covers = _best(faces)
    return [replace(cluster, cover=covers[cluster.id]) for cluster in clusters]


def completions(connection: Connection, text: str, limit: int) -> list[Cluster]:
    """People whose name has the text in it: names that begin with it first, then those of which a word does."""
    wanted = folded(text)
    if not wanted:
        return []
    ranked = []
    for cluster, name in cluster_pages.names(connection):
        called = folded(name)
        if wanted in called:
            ranked.append((not called.startswith(wanted), f" {wanted}" not in called, called, cluster))
    return clusters_of(connection, [cluster for *_, cluster in sorted(ranked)[:limit]])


def _best(faces: Sequence[Face]) -> dict[int | None, Face]:
    """For each cluster of some faces the least poor one, the first of equals."""
    best: dict[int | None, Face] = {}
    for face in sorted(faces, key=lambda face: (-face.quality, face.id)):
        best.setdefault(face.cluster, face)
    return best
