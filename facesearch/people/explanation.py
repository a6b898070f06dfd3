"""Why a face is where it is."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from facesearch.calibration import Calibration
from facesearch.clustering import Cuts, Options
from facesearch.core.results import Explanation, Neighbour
from facesearch.core.types import Box, Face
from facesearch.people.clustering import table_faces
from facesearch.people.clusters import all_parties, named, people_of_faces
from facesearch.pipeline.quality import excess
from facesearch.storage import Store, catalog
from facesearch.storage import schema as db

__all__ = ["explain", "poorness", "weakness"]


def explain(index: Store, calibration: Calibration | None, face: Face, k: int) -> Explanation:
    """What is known of a face, its k nearest others, and what has put it into its group or kept it out of all."""
    near = [(other, distance) for other, distance in index.search(index.embedding(face.id), k + 1) if other != face.id][
        :k
    ]
    records = {record.id: record for record in index.faces([other for other, _ in near])}
    with index.reading() as connection:
        groups, people = people_of_faces(connection, [face.id, *records])
        said = connection.execute(select(db.confirmed).where(db.confirmed.c.face_id == face.id)).first()
        rejected = select(db.rejected.c.person_id).where(db.rejected.c.face_id == face.id)
        refused = set(connection.execute(rejected).scalars())
        late = connection.execute(select(catalog.clustered_up_to())).scalar_one() < face.id
        hidden = connection.execute(select(db.not_faces).where(db.not_faces.c.face_id == face.id)).first()
    group = groups.get(face.id)
    neighbours = tuple(
        Neighbour(
            other,
            records[other].path,
            distance,
            float(calibration.probability(distance)) if calibration else None,
            groups.get(other),
            named(people.get(groups.get(other, -1))),
        )
        for other, distance in near
    )
    weak = weakness(face)
    return Explanation(
        face=face.id,
        path=face.path,
        box=face.box,
        width_px=face.box[2] - face.box[0],
        score=face.score,
        sharpness=face.sharpness,
        weak=weak,
        group=group,
        person=named(people.get(group)) if group is not None else None,
        confirmed=said is not None,
        neighbours=neighbours,
        why=_said(group, said is not None, hidden is not None)
        or _measured(index, calibration, face, group, refused, weak, late),
    )


def weakness(face: Face) -> str:
    """Why a face may join a group but not hold one together; empty for a good one."""
    return poorness(face.box, face.landmarks, face.score, face.sharpness)


def poorness(box: Box, landmarks: NDArray[np.floating], score: float, sharpness: float) -> str:
    """Why a face shows too little to be sure about; empty for a good one. Args: landmarks: (5, 2)."""
    points = np.asarray(landmarks)
    if float(excess(np.array([box]), points[None], np.array([score]), np.array([sharpness]))[0]) < Options().weak:
        return ""
    reasons = []
    width = min(box[2] - box[0], box[3] - box[1])
    if width < 60:
        reasons.append(f"small ({width:.0f} pixels)")
    if sharpness < 0.01:
        reasons.append("blurred")
    if score < 0.99:
        reasons.append(f"doubtful as a face ({score:.0%})")
    eyes, down = points[1] - points[0], points[3:].mean(axis=0) - points[:2].mean(axis=0)
    if np.linalg.norm(eyes) < 0.7 * np.linalg.norm(down):
        reasons.append("turned away")
    return ", ".join(reasons) or "small, blurred and turned a little each"


def _said(group: int | None, confirmed: bool, hidden: bool) -> str:
    """What the user has decided; empty where that is nothing."""
    if hidden:
        return "You have said that it is not a face."
    return f"You have said that it belongs to group {group}." if confirmed else ""


def _measured(
    index: Store,
    calibration: Calibration | None,
    face: Face,
    group: int | None,
    refused: set[int],
    weak: str,
    late: bool,
) -> str:
    """What distances say. Args: refused: the people whom the face is not; late: it came after the last clustering."""
    if calibration is None:
        return "The model has no calibration, so groups are plain DBSCAN's."
    with index.reading() as connection:
        parties = [party for party in all_parties(connection) if set(party.faces) != {face.id}]
        table = index.table(connection)
    if not parties:
        return "There are no groups yet: make them with `facesearch cluster`."
    rows = {int(i): row for row, i in enumerate(table.ids)}
    means = np.stack([table.embeddings[[rows[f] for f in p.faces if f != face.id]].mean(axis=0) for p in parties])
    distances = np.sqrt(np.maximum(2 - 2 * (means @ table.embeddings[rows[face.id]]), 0))
    cuts = Cuts.of(len(table_faces(table).strong()), calibration)
    if group is not None:
        mine = [distances[i] for i, party in enumerate(parties) if party.group == group]
        if not mine:
            return f"It is the only face that is left of group {group}."
        return f"On average it is {mine[0]:.3f} from the other faces of group {group}."
    open_to = [i for i, party in enumerate(parties) if not (party.person and party.person.id in refused)]
    text = f"It is weak: {weak}. " if weak else ""
    text += "It has come since the last `facesearch cluster`, and waits for the next. " if late else ""
    others = ", ".join(party.title for i, party in enumerate(parties) if i not in set(open_to))
    text += f"You have said that it is not {others}. " if others else ""
    if open_to:
        nearest = min(open_to, key=lambda i: float(distances[i]))
        text += (
            f"The nearest group, {parties[nearest].title}, is {distances[nearest]:.3f} away on average; a face joins"
            f" within {cuts.single:.3f} of a single other one to {cuts.large:.3f} of a large group, less if many look"
            " alike."
        )
    return text.rstrip()
