"""Clustering within the user's decisions, which keeps the clusters' numbers; and places for faces that came since."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration, no_calibration
from facesearch.clustering import NOISE, Clusterer, Constraints, Cuts, Faces, Options, cluster_faces
from facesearch.clustering.constraints import NOBODY
from facesearch.core.errors import InputError
from facesearch.core.quality import TOO_POOR, excess_of
from facesearch.core.results import Clustering, LeftOut
from facesearch.core.types import Cluster, Face
from facesearch.people.placing import identified
from facesearch.storage import Connection, FaceTable, Store, cluster_pages, clusters, photos, runs
from facesearch.storage import constraints as constraints_of
from facesearch.storage.counts import searched
from facesearch.storage.face_table import read_all, read_new_and_known, read_of_cluster
from facesearch.storage.faces import count_of, unplaced

__all__ = ["place_new", "recluster", "stricter_parts", "table_faces"]

Ints = NDArray[np.int64]
Data = TypeVar("Data")
Conclusion = TypeVar("Conclusion")
Written = TypeVar("Written")

# So often something is concluded from what decisions change meanwhile; the last time they wait.
ATTEMPTS = 3

# `split` without faces looks with this share of the usual false joins; each further step is as much stricter again.
STRICTER = 0.03
STRICTER_STEPS = 4


def table_faces(table: FaceTable) -> Faces:
    """The library's faces as clustering wants them."""
    return Faces(table.embeddings, table.photo_ids, excess_of(table.quality))


def recluster(
    store: Store,
    calibration: Calibration | None,
    *,
    eps: float | None = None,
    min_samples: int = 2,
    device: str = "cpu",
    running: int | None = None,
    expected: int = 0,
) -> Clustering:
    """Make all clusters anew. Decisions that come meanwhile are taken, and it is done again with them.

    Args:
        running: the run that is still bringing faces in.
        eps, min_samples, device, expected: see `facesearch.clustering.cluster_faces`.

    Raises InputError where eps or min_samples is out of range, or there is neither eps nor a calibration.
    """
    if eps is None and calibration is None:
        raise InputError(no_calibration(store.spec, "give --eps, or"))
    began = time.perf_counter()

    def conclude(read: "_Read") -> Ints:
        return cluster_faces(
            read.faces.pop(),
            calibration,
            constraints=read.constraints,
            eps=eps,
            min_samples=min_samples,
            device=device,
            expected=expected,
        )

    def write(connection: Connection, read: "_Read", labels: Ints) -> tuple[Cluster, ...]:
        _write(connection, read.ids, labels, read.constraints)
        clusters.note_clustering(connection)
        runs.note_placed(connection, running)
        return _with_faces(read.table, photos.one_file_of_each(connection), clusters.all_with_faces(connection))

    read, labels, found = _unhindered(store, lambda connection: _read(connection, store.spec.dim), conclude, write)
    alone = labels == NOISE
    if eps is None:
        assert calibration is not None
        eps = Cuts.of(len(labels), calibration).eps
    return Clustering(
        clusters=found,
        noise=tuple(read.ids[alone].tolist()),
        left_out=LeftOut(int((alone & read.strong).sum()), int((alone & ~read.strong).sum()), read.hidden),
        eps=eps,
        min_samples=min_samples,
        seconds=time.perf_counter() - began,
    )


@dataclass(frozen=True)
class _Read:
    """What is clustered.

    table: of all faces, without embeddings. ids, strong: (n,) of those to be clustered. hidden: how many are not.
    faces: one item, for whoever is the only one to hold the embeddings, and can let go of them.
    """

    table: FaceTable
    ids: Ints
    strong: NDArray[np.bool_]
    hidden: int
    constraints: Constraints
    faces: list[Faces]


def _read(connection: Connection, dim: int) -> _Read:
    table, hidden = read_all(connection, dim), constraints_of.not_faces(connection)
    rows, faces = np.flatnonzero(~np.isin(table.ids, list(hidden))), table_faces(table)
    good = np.zeros(len(table), np.bool_)
    good[faces.strong()] = True
    bare = replace(table, embeddings=np.empty((0, dim), np.float32))
    ids = table.ids[rows]
    return _Read(bare, ids, good[rows], len(hidden), _constraints(connection, ids), [faces.take(rows)])


def _unhindered(
    store: Store,
    read: Callable[[Connection], Data],
    conclude: Callable[[Data], Conclusion],
    write: Callable[[Connection, Data, Conclusion], Written],
) -> tuple[Data, Conclusion, Written]:
    """Read the library, conclude something from it, and write that; decisions are taken meanwhile.

    What a decision has overtaken is concluded again, and in the end with decisions waiting.
    """
    with store.writing(guests=True):
        for attempt in range(ATTEMPTS):
            with store.alone() if attempt == ATTEMPTS - 1 else nullcontext():
                with store.reading() as connection:
                    before, data = cluster_pages.revision(connection), read(connection)
                conclusion = conclude(data)
                with store.transaction() as connection:
                    if cluster_pages.revision(connection) == before:
                        return data, conclusion, write(connection, data, conclusion)
    raise AssertionError("nobody else can have written")


def _with_faces(table: FaceTable, files: Mapping[int, str], found: Sequence[Cluster]) -> tuple[Cluster, ...]:
    """The clusters with their faces, of which the path, the box and the ids are filled in."""
    row_of = {face: row for row, face in enumerate(table.ids.tolist())}
    photo_ids, boxes = table.photo_ids.tolist(), list(zip(*table.boxes.T.tolist(), strict=True))

    def described(face: int) -> Face:
        row = row_of[face]
        return Face(boxes[row], id=face, photo_id=photo_ids[row], path=files.get(photo_ids[row], ""))

    return tuple(replace(cluster, faces=tuple(map(described, cluster.face_ids))) for cluster in found)


def place_new(store: Store, calibration: Calibration, *, running: int | None = None) -> int:
    """Put the faces that were found since the last time to the people that they are; the others wait for `recluster`.

    Those of a run that was killed count, too: which runs were placed is kept in the library.

    Only the clusters of people take new faces in: as a search would name that person, where the calibration has
    measured searches; else by the rule by which weak faces find their cluster.

    Args:
        running: the run that is still bringing faces in.

    Returns the number of faces that found a person.
    """
    with store.reading() as connection:
        if not unplaced(connection):
            return 0

    def write(connection: Connection, _: "_New | None", placed: tuple[Ints, Ints]) -> int:
        clusters.add(connection, *(column.tolist() for column in placed))
        runs.note_placed(connection, running)
        return len(placed[0])

    *_, count = _unhindered(
        store, lambda connection: _read_new(connection, store.spec.dim), lambda new: _placed(new, calibration), write
    )
    return count


@dataclass(frozen=True)
class _New:
    """What is placed: faces of the known people and new ones; rows: of these; now: the clusters of all.

    people: among whom the new ones are searched for; faces_there: how many faces the library has.
    """

    ids: Ints
    faces: Faces
    constraints: Constraints
    rows: Ints
    now: Ints
    people: int
    faces_there: int


def _read_new(connection: Connection, dim: int) -> _New | None:
    """None where there is nobody or nothing to compare."""
    new = unplaced(connection)
    known = clusters.known_columns(connection) if new else None
    if known is None or not len(known[0]):
        return None
    table = read_new_and_known(connection, dim)
    rows = np.flatnonzero(np.isin(table.ids, list(new)))
    rows = rows[table.quality[rows] > TOO_POOR]
    people = searched(connection)[0] - len(new)  # the new ones are searched for, not among
    constraints, now = _constraints(connection, table.ids), _by_row(*known, table.ids)
    return _New(table.ids, table_faces(table), constraints, rows, now, people, count_of(connection))


def _placed(new: _New | None, calibration: Calibration) -> tuple[Ints, Ints]:
    """Faces and their clusters."""
    if new is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    if calibration.identification is not None:
        placed = identified(calibration.identification, new.faces, new.now, new.rows, new.constraints, new.people)
    else:
        clusterer = Clusterer(new.faces, Cuts.of(new.faces_there, calibration))
        placed = clusterer.nearest_cluster(new.now, np.zeros(len(new.faces)), new.rows, new.constraints)
    found = placed != NOISE
    return new.ids[new.rows[found]], placed[found]


def stricter_parts(store: Store, calibration: Calibration, cluster: int) -> list[list[int]]:
    """What stricter and stricter cuts make of a cluster: its parts but the largest; none where it holds together.

    The cuts are those of the whole library, less a share of the false joins that they allow.
    """
    with store.reading() as connection:
        table, good = read_of_cluster(connection, store.spec.dim, cluster), count_of(connection)
    faces = table_faces(table)
    for step in range(1, STRICTER_STEPS + 1):
        share, usual = STRICTER**step, Options()
        options = Options(single=usual.single * share, large=usual.large * share, cores=usual.cores * share)
        clusterer = Clusterer(faces, Cuts.of(good, calibration, options), options=options)
        labels = clusterer.cluster(Constraints.none(len(faces)))
        parts = [table.ids[labels == label].tolist() for label in np.unique(labels[labels != NOISE])]
        parts += [[int(face)] for face in table.ids[labels == NOISE]]
        if len(parts) > 1:
            return sorted(parts, key=lambda part: (-len(part), part))[1:]
    return []


def _constraints(connection: Connection, ids: Ints) -> Constraints:
    """What the user has decided about these faces, by row."""
    found = Constraints.none(len(ids))
    faces, people = constraints_of.confirmed(connection)
    rows, there = _rows_of(faces, ids)
    found.person[rows[there]] = people[there]
    faces, people = constraints_of.rejected(connection)
    rows, there = _rows_of(faces, ids)
    for row, person in zip(rows[there].tolist(), people[there].tolist(), strict=True):
        found.rejected[row] = found.rejected.get(row, frozenset()) | {person}
    return found


def _by_row(faces: Ints, numbers: Ints, ids: Ints) -> Ints:
    """(n,) the cluster of each of n faces by ascending id, -1 for none. Args: faces, numbers: those in clusters."""
    found = np.full(len(ids), NOISE, np.int64)
    rows, there = _rows_of(faces, ids)
    found[rows[there]] = numbers[there]
    return found


def _rows_of(faces: Ints, ids: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """For some faces their rows among ascending ids, and whether they are there."""
    rows = np.minimum(np.searchsorted(ids, faces), max(len(ids) - 1, 0))
    return rows, (ids[rows] == faces) if len(ids) else np.zeros(len(faces), np.bool_)


def _write(connection: Connection, ids: Ints, labels: Ints, constraints: Constraints) -> None:
    """New clusters in place of the old ones, under the old numbers where most faces stayed together."""
    numbers = _kept_numbers(labels, _by_row(*clusters.columns(connection), ids), constraints.person)
    fresh = [label for label in range(int(labels.max(initial=-1)) + 1) if label not in numbers]
    if fresh:
        first = clusters.new_number(connection, len(fresh))
        numbers |= {label: first + i for i, label in enumerate(fresh)}
    placed = labels != NOISE
    clusters.replace_all(connection, ids[placed].tolist(), [numbers[label] for label in labels[placed].tolist()])


def _kept_numbers(labels: Ints, before: Ints, person: Ints) -> dict[int, int]:
    """New label -> old number: a person's stays with the confirmed faces, another with more than half of the faces.

    Of several old clusters that have become one, a person's gives its number, else the largest, of equal ones the
    lowest.
    """
    both = (labels != NOISE) & (before != NOISE)
    pairs, counts = np.unique(np.stack([before[both], labels[both]], axis=1), axis=0, return_counts=True)
    old, sizes = np.unique(before[before != NOISE], return_counts=True)
    size_of = dict(zip(old.tolist(), sizes.tolist(), strict=True))
    told = both & (person != NOBODY)
    of_person = dict(zip(before[told].tolist(), labels[told].tolist(), strict=True))
    candidates = sorted(
        (number not in of_person, -count, number, label)
        for (number, label), count in zip(pairs.tolist(), counts.tolist(), strict=True)
        if (of_person[number] == label if number in of_person else 2 * count > size_of[number])
    )
    kept: dict[int, int] = {}
    for *_, number, label in candidates:
        kept.setdefault(label, number)
    return kept
