"""Clustering that respects all decisions and keeps the groups' numbers, and places for faces that came since."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from facesearch import quality
from facesearch.clustering import NOISE, Cuts, Faces, Grouper, Options, Said, group
from facesearch.clustering.said import NOBODY
from facesearch.distance import Calibration
from facesearch.index import FaceIndex, FaceTable, catalog
from facesearch.index import schema as db
from facesearch.people.parties import Party, all_parties, named, new_group
from facesearch.results import Cluster, ClusteredFace, Clustering, LeftOut

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
    index: FaceIndex, calibration: Calibration | None, *, eps: float | None = None, min_samples: int = 2
) -> Clustering:
    """Make all groups anew, in one transaction.

    Raises InputError where eps or min_samples is out of range.
    """
    began = time.perf_counter()
    with index.transaction() as connection:
        table = index.table(connection)
        hidden = set(connection.execute(select(db.not_faces.c.face_id)).scalars())
        rows = np.flatnonzero(~np.isin(table.ids, list(hidden)))
        faces, ids, said = table_faces(table).take(rows), table.ids[rows], _said(connection, table.ids[rows])
        labels = group(faces, calibration, said=said, eps=eps, min_samples=min_samples)
        _store(connection, ids, labels)
        catalog.note_clustering(connection)
        parties = all_parties(connection)
    strong = np.isin(np.arange(len(faces)), faces.strong())
    alone = labels == NOISE
    if eps is None:
        assert calibration is not None
        eps = Cuts.of(int(strong.sum()), calibration).eps
    return Clustering(
        clusters=_described(index, parties),
        noise=tuple(ids[alone].tolist()),
        left_out=LeftOut(int((alone & strong).sum()), int((alone & ~strong).sum()), len(hidden)),
        eps=eps,
        min_samples=min_samples,
        seconds=time.perf_counter() - began,
    )


def _described(index: FaceIndex, parties: Sequence[Party]) -> tuple[Cluster, ...]:
    records = {record.id: record for record in index.faces([face for party in parties for face in party.faces])}
    return tuple(
        Cluster(
            party.group,
            len(party.faces),
            named(party.person),
            party.ignored,
            tuple(ClusteredFace(face, records[face].path, records[face].box) for face in party.faces),
        )
        for party in parties
    )


def place_new(index: FaceIndex, calibration: Calibration, run_id: int) -> int:
    """Put the faces that a run has found to the people that they are; the others wait for the next clustering.

    Only groups of which the user has spoken take new faces in, by the rule by which weak faces find their group.

    Returns the number of faces that found somebody.
    """
    faces = index.faces_since(run_id)
    with index.transaction() as connection:
        table = index.table(connection)
        said = _said(connection, table.ids)
        groups = _current_groups(connection, table.ids)
        # Photos that were looked at again have faces that are in a group, or of which the user has said they are none.
        hidden = list(connection.execute(select(db.not_faces.c.face_id)).scalars())
        new = np.isin(table.ids, faces) & ~np.isin(table.ids, hidden) & (groups == NOISE)
        rows = np.flatnonzero(new)
        known = np.unique(groups[(said.person >= 0) & (groups >= 0)])
        groups[~np.isin(groups, known)] = NOISE
        if not len(known) or not len(rows):
            return 0
        everything = table_faces(table)
        grouper = Grouper(everything, Cuts.of(len(everything.strong()), calibration))
        shift = grouper.own_shift(grouper.faces.excess)
        placed = grouper.nearest_group(groups, shift, rows, said)
        found = [(int(table.ids[row]), int(to)) for row, to in zip(rows, placed, strict=True) if to != NOISE]
        if found:
            connection.execute(insert(db.grouped), [{"face_id": face, "group_id": to} for face, to in found])
    return len(found)


def stricter_parts(index: FaceIndex, calibration: Calibration, members: Sequence[int]) -> list[list[int]]:
    """What a stricter and stricter look makes of a group: its parts but the largest; none where it holds together.

    The cuts are those of the whole library, less a share of the false joins that they allow.
    """
    with index.reading() as connection:
        table = index.table(connection)
    faces, rows = table_faces(table), np.flatnonzero(np.isin(table.ids, list(members)))
    for step in range(1, STRICTER_STEPS + 1):
        share, usual = STRICTER**step, Options()
        options = Options(single=usual.single * share, large=usual.large * share, cores=usual.cores * share)
        grouper = Grouper(faces.take(rows), Cuts.of(len(faces.strong()), calibration, options), options=options)
        labels = grouper.group(Said.nothing(len(rows)))
        parts = [table.ids[rows[labels == label]].tolist() for label in np.unique(labels[labels != NOISE])]
        parts += [[int(face)] for face in table.ids[rows[labels == NOISE]]]
        if len(parts) > 1:
            return sorted(parts, key=lambda part: (-len(part), part))[1:]
    return []


def _said(connection: Connection, ids: Ints) -> Said:
    """The user's word about these faces, by row."""
    said = Said.nothing(len(ids))
    row_of = {int(face): row for row, face in enumerate(ids)}
    for face, person in connection.execute(select(db.confirmed.c.face_id, db.confirmed.c.person_id)):
        if face in row_of:
            said.person[row_of[face]] = person
    for face, person in connection.execute(select(db.rejected.c.face_id, db.rejected.c.person_id)):
        if face in row_of:
            said.refused[row_of[face]] = said.refused.get(row_of[face], frozenset()) | {person}
    return said


def _current_groups(connection: Connection, ids: Ints) -> Ints:
    """(n,) the group of each face, -1 for none."""
    rows = connection.execute(select(db.grouped.c.face_id, db.grouped.c.group_id)).all()
    groups = {row.face_id: row.group_id for row in rows}
    return np.array([groups.get(int(face), NOISE) for face in ids], np.int64)


def _store(connection: Connection, ids: Ints, labels: Ints) -> None:
    """New groups in place of the old ones, under the old numbers where most faces stayed together."""
    numbers = _kept_numbers(labels, _current_groups(connection, ids), _said(connection, ids).person)
    fresh = [label for label in range(int(labels.max(initial=-1)) + 1) if label not in numbers]
    if fresh:
        first = new_group(connection, len(fresh))
        numbers |= {label: first + i for i, label in enumerate(fresh)}
    connection.execute(delete(db.grouped))
    rows = [
        {"face_id": int(face), "group_id": numbers[int(label)]}
        for face, label in zip(ids, labels, strict=True)
        if label != NOISE
    ]
    if rows:
        connection.execute(insert(db.grouped), rows)


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
