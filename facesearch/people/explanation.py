"""Why a face is where it is."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from facesearch.calibration import Calibration
from facesearch.clustering import Cuts
from facesearch.core.distance import rms_l2
from facesearch.core.results import Explanation, Match
from facesearch.core.types import Cluster, Face, Person
from facesearch.people.clusters import named
from facesearch.storage import Connection, Store, clusters, constraints, persons
from facesearch.storage.embeddings import cluster_sums
from facesearch.storage.faces import count_of

__all__ = ["explain"]

# The clusters of so many nearest faces are looked at for the one that is nearest on average.
NEAREST = 1000


def explain(store: Store, calibration: Calibration | None, face: Face, k: int) -> Explanation:
    """What is known of a face, its k nearest others, and what has put it into its cluster or kept it out of all."""
    embedding = store.embedding(face.id)
    near = [(other, distance) for other, distance in store.search(embedding, k + 1) if other != face.id][:k]
    records = {record.id: record for record in store.faces([other for other, _ in near])}
    with store.reading() as connection:
        numbers = clusters.of_faces(connection, [face.id, *records])
        people = persons.of_clusters(connection, set(numbers.values()))
        confirmed = constraints.confirmed_person(connection, face.id) is not None
        hidden = constraints.is_not_a_face(connection, face.id)
    number = numbers.get(face.id)
    weak = face.defect if face.weak else ""
    found = replace(face, embedding=embedding, cluster=number, person=_named(people, number), confirmed=confirmed)
    return Explanation(
        face=found,
        weak=weak,
        neighbours=tuple(
            Match(
                rank,
                replace(records[other], cluster=numbers.get(other), person=_named(people, numbers.get(other))),
                distance,
                float(calibration.probability(distance)) if calibration else None,
                distance <= calibration.threshold() if calibration else None,
            )
            for rank, (other, distance) in enumerate(near, start=1)
            if other in records
        ),
        why=_decided(number, confirmed, hidden) or _measured(store, calibration, found, weak),
    )


def _named(people: dict[int, Person], number: int | None) -> Person | None:
    return named(people.get(number)) if number is not None else None


def _decided(number: int | None, confirmed: bool, hidden: bool) -> str:
    """What the user has decided; empty where that is nothing."""
    if hidden:
        return "You have said that it is not a face."
    # by whatever decision: also by one that said nothing of whose faces they are, as `ignore`
    return f"It is confirmed: a decision has put it to cluster {number} for good." if confirmed else ""


def _measured(store: Store, calibration: Calibration | None, face: Face, weak: str) -> str:
    """What distances say."""
    if calibration is None:
        return "The model has no calibration, so clusters are plain DBSCAN's."
    with store.reading() as connection:
        if face.cluster is not None:
            return _in_cluster(connection, face)
        nearest = _nearest_cluster(store, connection, face)
        rejected = _rejected_clusters(connection, face.id)
        if nearest is None and not rejected:
            return "There are no clusters yet: make them with `facesearch cluster`."
        text = f"It is weak: {weak}. " if weak else ""
        if clusters.came_later(connection, face.id):
            text += "It has come since the last `facesearch cluster`, and waits for the next. "
        others = ", ".join(cluster.title for cluster in rejected)
        text += f"You have said that it is not {others}. " if others else ""
        if nearest is None:
            return text.rstrip()
        cuts = Cuts.of(count_of(connection), calibration)
    return text + (
        f"The nearest cluster, {nearest[0].title}, is {nearest[1]:.3f} away on average; a face joins"
        f" within {cuts.single:.3f} of a single other one to {cuts.large:.3f} of a large cluster, less if many look"
        " alike."
    )


def _in_cluster(connection: Connection, face: Face) -> str:
    assert face.cluster is not None
    distance = _mean_distances(connection, face, [face.cluster]).get(face.cluster)
    if distance is None:
        return f"It is the only face that is left of cluster {face.cluster}."
    return f"On average it is {distance:.3f} from the other faces of cluster {face.cluster}."


def _rejected_clusters(connection: Connection, face: int) -> list[Cluster]:
    """The clusters of the people whom a face is not, the largest first."""
    people = constraints.rejected_people(connection, face)
    numbers = [number for person in people if (number := persons.cluster_of(connection, person)) is not None]
    return clusters.summaries(connection, numbers)


def _nearest_cluster(store: Store, connection: Connection, face: Face) -> tuple[Cluster, float] | None:
    """Of the clusters of the nearest faces, but for those of people whom a face is not, the nearest on average."""
    assert face.embedding is not None
    others = [other for other, _ in store.search(face.embedding, NEAREST)]
    rejected = {cluster.id for cluster in _rejected_clusters(connection, face.id)}
    near = set(clusters.of_faces(connection, others).values()) - rejected
    # None of them is in any cluster: then all clusters are looked at.
    near = near or {cluster.id for cluster in clusters.summaries(connection)} - rejected
    distances = _mean_distances(connection, face, near)
    if not distances:
        return None
    nearest = min(distances.values())
    return clusters.summaries(connection, [n for n, distance in distances.items() if distance == nearest])[0], nearest


def _mean_distances(connection: Connection, face: Face, numbers: Collection[int]) -> dict[int, float]:
    """Root mean square distance of a face to the other faces of some clusters; none where there is no other."""
    assert face.embedding is not None
    own = face.embedding.astype(np.float64)
    found: dict[int, float] = {}
    for number, total, size in zip(*cluster_sums(connection, len(own), sorted(numbers)), strict=True):
        if number == face.cluster:
            total, size = total - own, size - 1
        if size:
            found[int(number)] = rms_l2(total / size, own)
    return found
