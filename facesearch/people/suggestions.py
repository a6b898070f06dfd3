"""Pairs of groups that may be one person: too far apart to be joined unasked, near enough to ask."""

import numpy as np
from sqlalchemy import Connection, select

from facesearch.calibration import Calibration
from facesearch.clustering import Cuts
from facesearch.clustering.neighbours import nearest_neighbours
from facesearch.people.clustering import table_faces
from facesearch.people.clusters import Party, all_parties
from facesearch.storage import Store
from facesearch.storage import schema as db

__all__ = ["apart", "suggest"]

# Groups whose means are nearest are compared; so many each.
NEAR_GROUPS = 12
# Two groups may be one person up to the distance at this false-accept rate, or to the cut of large groups.
LOOSEST_FAR = 1e-2


def suggest(index: Store, calibration: Calibration, limit: int) -> list[tuple[Party, Party, float]]:
    """Pairs of parties with their root mean square distance, nearest first.

    Left out are ignored people, groups of one face that is nobody's, and pairs of which the user has said that they are
    two.
    """
    with index.reading() as connection:
        parties = [p for p in all_parties(connection) if not p.ignored and (len(p.faces) > 1 or p.person)]
        two = apart(connection)
        table = index.table(connection)
    if len(parties) < 2:
        return []
    means = np.stack([table.embeddings[np.searchsorted(table.ids, party.faces)].mean(axis=0) for party in parties])
    cuts = Cuts.of(len(table_faces(table).strong()), calibration)
    furthest = max(calibration.threshold(LOOSEST_FAR), cuts.large)
    found: dict[tuple[int, int], float] = {}
    # The mean squared distance of unit vectors is 2 - 2 times the product of their means.
    near = nearest_neighbours(means, means, NEAR_GROUPS + 1)[0]
    for row, others in enumerate(near.tolist()):
        for other in others:
            if other == row or frozenset((_person(parties[row]), _person(parties[other]))) in two:
                continue
            distance = float(np.sqrt(max(2 - 2 * float(means[row] @ means[other]), 0)))
            if distance <= furthest:
                found[min(row, other), max(row, other)] = distance
    ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
    return [(parties[a], parties[b], distance) for (a, b), distance in ordered[:limit]]


def _person(party: Party) -> int | None:
    return party.person.id if party.person else None


def apart(connection: Connection) -> set[frozenset[int | None]]:
    """Pairs of people, by id, of whom the user has said that they are two."""
    return {frozenset((row.person_id, row.other_id)) for row in connection.execute(select(db.cannot_link))}
