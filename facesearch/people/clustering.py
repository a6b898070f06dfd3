"""Clustering that respects all decisions and keeps the groups' numbers, and places for faces that came since."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, delete, insert, select, true, union

from facesearch.calibration import Calibration
from facesearch.clustering import (
    NOISE,
    Clusterer,
    Constraints,
    Cuts,
    Faces,
    Options,
    group,
)
from facesearch.clustering.constraints import NOBODY
from facesearch.core.results import Cluster, ClusteredFace, Clustering, LeftOut
from facesearch.people.clusters import Party, all_parties, named, new_group
from facesearch.pipeline import quality
from facesearch.storage import FaceTable, Store, catalog
from facesearch.storage import schema as db
from facesearch.storage.face_table import read_table

__all__ = ["place_new", "regroup", "stricter_parts", "table_faces"]

Ints = NDArray[np.int64]

# `split` without faces looks with this share of the usual false joins; each further step is as much stricter again.
STRICTER = 0.03
STRICTER_STEPS = 4


def table_faces(table: FaceTable) -> Faces:
    """The index's faces as clustering wants them."""
    excess = quality.excess(table.boxes, table.landmarks, table.scores, table.sharpness)
    return Faces(table.embeddings, table.photo_ids, excess)


def regroup(
    index: Store, calibration: Calibration | None, *, eps: float | None = None, min_samples: int = 2
) -> Clustering:
    """Make all groups anew, in one transaction.

    Raises InputError where eps or min_samples is out of range.
    """
    began = time.perf_counter()
    with index.transaction() as connection:
        table = index.table(connection)
        hidden = set(connection.execute(select(db.not_faces.c.face_id)).scalars())
        rows = np.flatnonzero(~np.isin(table.ids, list(hidden)))
        ids, constraints, faces = table.ids[rows], _said(connection, table.ids[rows]), table_faces(table)
        good = np.zeros(len(table), np.bool_)
        good[faces.strong()] = True
        # group() is the only one to hold the embeddings, so that it can let go of them
        handed_over, table = [faces.take(rows)], replace(table, embeddings=np.empty((0, index.spec.dim), np.float32))
        del faces
        labels = group(handed_over.pop(), calibration, constraints=constraints, eps=eps, min_samples=min_samples)
        _store(connection, ids, labels, constraints)
        catalog.note_clustering(connection, int(good.sum()))
        clusters = _described(table, catalog.files_of_photos(connection), all_parties(connection))
    strong, alone = good[rows], labels == NOISE
    if eps is None:
        assert calibration is not None
        eps = Cuts.of(int(strong.sum()), calibration).eps
    return Clustering(
        clusters=clusters,
        noise=tuple(ids[alone].tolist()),
        left_out=LeftOut(int((alone & strong).sum()), int((alone & ~strong).sum()), len(hidden)),
        eps=eps,
        min_samples=min_samples,
        seconds=time.perf_counter() - began,
    )


def _described(table: FaceTable, files: Mapping[int, str], parties: Sequence[Party]) -> tuple[Cluster, ...]:
    row_of = {face: row for row, face in enumerate(table.ids.tolist())}
    photos, boxes = table.photo_ids.tolist(), [tuple(box) for box in table.boxes.tolist()]

    def described(face: int) -> ClusteredFace:
        row = row_of[face]
        return ClusteredFace(face, files.get(photos[row], ""), boxes[row])

    return tuple(
        Cluster(party.group, len(party.faces), named(party.person), party.ignored, tuple(map(described, party.faces)))
        for party in parties
    )


def place_new(index: Store, calibration: Calibration, run_id: int) -> int:
    """Put the faces that a run has found to the people that they are; the others wait for the next clustering.

    Only groups of which the user has spoken take new faces in, by the rule by which weak faces find their group.

    Returns the number of faces that found somebody.
    """
    with index.transaction() as connection:
        new = set(connection.execute(_unplaced(run_id)).scalars())
        known = select(db.clustered.c.cluster_id).join(db.confirmed, db.confirmed.c.face_id == db.clustered.c.face_id)
        theirs = select(db.clustered.c.face_id).where(db.clustered.c.cluster_id.in_(known))
        if not new or connection.execute(theirs.limit(1)).first() is None:
            return 0
        table = read_table(connection, index.spec.dim, union(_unplaced(run_id), theirs))
        faces, constraints = table_faces(table), _said(connection, table.ids)
        rows = np.flatnonzero(np.isin(table.ids, list(new)))
        clusterer = Clusterer(faces, Cuts.of(_good_faces(index, connection), calibration))
        placed = clusterer.nearest_group(
            _current_groups(connection, table.ids, theirs), clusterer.own_shift(faces.excess), rows, constraints
        )
        found = [(int(table.ids[row]), int(to)) for row, to in zip(rows, placed, strict=True) if to != NOISE]
        if found:
            connection.execute(insert(db.clustered), [{"face_id": face, "cluster_id": to} for face, to in found])
    return len(found)


def _unplaced(run_id: int) -> Select[tuple[int]]:
    """Faces on photos that a run has looked at: not those in a group already, nor what is said to be no face."""
    query = select(db.faces.c.id).join(db.photos, db.photos.c.id == db.faces.c.photo_id)
    placed, hidden = select(db.clustered.c.face_id), select(db.not_faces.c.face_id)
    return query.where(db.photos.c.run_id == run_id, db.faces.c.id.not_in(placed), db.faces.c.id.not_in(hidden))


def _good_faces(index: Store, connection: Connection) -> int:
    """How many faces can hold a group together: those of the last clustering that are left, and those that came since.

    To count them again every face would have to be read.
    """
    known, last = catalog.good_faces(connection)
    since = read_table(connection, index.spec.dim, select(db.faces.c.id).where(db.faces.c.id > last))
    return known + len(table_faces(since).strong())


def stricter_parts(index: Store, calibration: Calibration, members: Sequence[int]) -> list[list[int]]:
    """What a stricter and stricter look makes of a group: its parts but the largest; none where it holds together.

    The cuts are those of the whole library, less a share of the false joins that they allow.
    """
    with index.reading() as connection:
        table = index.table(connection)
    faces, rows = table_faces(table), np.flatnonzero(np.isin(table.ids, list(members)))
    for step in range(1, STRICTER_STEPS + 1):
        share, usual = STRICTER**step, Options()
        options = Options(single=usual.single * share, large=usual.large * share, cores=usual.cores * share)
        clusterer = Clusterer(faces.take(rows), Cuts.of(len(faces.strong()), calibration, options), options=options)
        labels = clusterer.group(Constraints.none(len(rows)))
        parts = [table.ids[rows[labels == label]].tolist() for label in np.unique(labels[labels != NOISE])]
        parts += [[int(face)] for face in table.ids[rows[labels == NOISE]]]
        if len(parts) > 1:
            return sorted(parts, key=lambda part: (-len(part), part))[1:]
    return []


def _said(connection: Connection, ids: Ints) -> Constraints:
    """The user's word about these faces, by row."""
    constraints = Constraints.none(len(ids))
    faces, people = _columns(connection, select(db.confirmed.c.face_id, db.confirmed.c.person_id))
    rows, there = _rows_of(faces, ids)
    constraints.person[rows[there]] = people[there]
    faces, people = _columns(connection, select(db.rejected.c.face_id, db.rejected.c.person_id))
    rows, there = _rows_of(faces, ids)
    for row, person in zip(rows[there].tolist(), people[there].tolist(), strict=True):
        constraints.rejected[row] = constraints.rejected.get(row, frozenset()) | {person}
    return constraints


def _current_groups(connection: Connection, ids: Ints, only: Select[tuple[int]] | None = None) -> Ints:
    """(n,) the group of each face, -1 for none. Args: only: those of the faces that are in one, as a query."""
    wanted = true() if only is None else db.clustered.c.face_id.in_(only)
    faces, numbers = _columns(connection, select(db.clustered.c.face_id, db.clustered.c.cluster_id).where(wanted))
    groups = np.full(len(ids), NOISE, np.int64)
    rows, there = _rows_of(faces, ids)
    groups[rows[there]] = numbers[there]
    return groups


def _columns(connection: Connection, query: Select[tuple[int, int]]) -> tuple[Ints, Ints]:
    rows = np.array([tuple(row) for row in connection.execute(query)], np.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def _rows_of(faces: Ints, ids: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """For some faces their rows among ascending ids, and whether they are there."""
    rows = np.minimum(np.searchsorted(ids, faces), max(len(ids) - 1, 0))
    return rows, (ids[rows] == faces) if len(ids) else np.zeros(len(faces), np.bool_)


def _store(connection: Connection, ids: Ints, labels: Ints, constraints: Constraints) -> None:
    """New groups in place of the old ones, under the old numbers where most faces stayed together."""
    numbers = _kept_numbers(labels, _current_groups(connection, ids), constraints.person)
    fresh = [label for label in range(int(labels.max(initial=-1)) + 1) if label not in numbers]
    if fresh:
        first = new_group(connection, len(fresh))
        numbers |= {label: first + i for i, label in enumerate(fresh)}
    connection.execute(delete(db.clustered))
    rows = [
        {"face_id": face, "cluster_id": numbers[label]}
        for face, label in zip(ids.tolist(), labels.tolist(), strict=True)
        if label != NOISE
    ]
    if rows:
        connection.execute(insert(db.clustered), rows)


def _kept_numbers(labels: Ints, before: Ints, person: Ints) -> dict[int, int]:
    """New label -> old number: somebody's stays with the confirmed faces, another with more than half of the faces.

    Of several old groups that have become one, somebody's gives its number, else the largest, of equal ones the lowest.
    """
    both = (labels != NOISE) & (before != NOISE)
    pairs, counts = np.unique(np.stack([before[both], labels[both]], axis=1), axis=0, return_counts=True)
    old, sizes = np.unique(before[before != NOISE], return_counts=True)
    size_of = dict(zip(old.tolist(), sizes.tolist(), strict=True))
    told = both & (person != NOBODY)
    somebody = dict(zip(before[told].tolist(), labels[told].tolist(), strict=True))
    candidates = sorted(
        (number not in somebody, -count, number, label)
        for (number, label), count in zip(pairs.tolist(), counts.tolist(), strict=True)
        if (somebody[number] == label if number in somebody else 2 * count > size_of[number])
    )
    kept: dict[int, int] = {}
    for *_, number, label in candidates:
        kept.setdefault(label, number)
    return kept
