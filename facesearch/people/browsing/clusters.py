"""Clusters with a cover: the face that shows best what they look like."""

from collections.abc import Sequence
from dataclasses import replace

from facesearch.core.names import searchable
from facesearch.core.types import Cluster
from facesearch.storage import Connection, cluster_pages, persons
from facesearch.storage import faces as face_table

__all__ = ["clusters_of", "completions", "with_covers"]

# The cover is the best of so many faces, those that came first: so that it stays, and is found quickly.
COVER_OF = 16


def clusters_of(connection: Connection, clusters: Sequence[int]) -> list[Cluster]:
    """Those of some clusters that are there, in their order, with covers."""
    return with_covers(connection, cluster_pages.by_ids(connection, clusters))


def with_covers(connection: Connection, clusters: Sequence[Cluster]) -> list[Cluster]:
    """Covers: the face that the user has chosen, else one that shows best what they look like."""
    chosen = persons.covers(connection, (cluster.person.id for cluster in clusters if cluster.person))
    faces = {face.id: face for face in face_table.by_ids(connection, list(chosen.values()))}
    covers = {one.id: faces[chosen[one.person.id]] for one in clusters if one.person and one.person.id in chosen}
    others = [cluster.id for cluster in clusters if cluster.id not in covers]
    covers |= cluster_pages.best_faces(connection, others, COVER_OF)
    return [replace(cluster, cover=covers[cluster.id]) for cluster in clusters]


def completions(connection: Connection, text: str, limit: int) -> list[Cluster]:
    """People whose name has the text in it: names that begin with it first, then those of which a word does.

    Neither case nor accents count.
    """
    wanted = searchable(text)
    if not wanted:
        return []
    ranked = []
    for cluster, name in cluster_pages.names(connection):
        called = searchable(name)
        if wanted in called:
            ranked.append((not called.startswith(wanted), f" {wanted}" not in called, called, cluster))
    return clusters_of(connection, [cluster for *_, cluster in sorted(ranked)[:limit]])
