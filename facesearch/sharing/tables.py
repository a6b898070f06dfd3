"""Tables of faces: where each is, and whose."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from facesearch.core.arguments import Strings
from facesearch.core.types import Cluster, Face
from facesearch.sharing.selection import chosen, faces_of

if TYPE_CHECKING:
    from facesearch.library import Library

__all__ = ["COLUMNS", "export_rows", "rows_to_csv"]

COLUMNS = ("path", "face", "group", "person", "name", "confirmed", "x1", "y1", "x2", "y2")


def export_rows(library: "Library", only: Strings = ()) -> list[dict[str, object]]:
    """One row a face, with the columns of COLUMNS, in order of path and face.

    Args:
        only: clusters' numbers and people's names; none for all.

    Raises InputError where one of them is not there.
    """
    clusters = chosen(library, only) or library.people.with_faces()
    rows = [_row(cluster, face) for cluster, face in faces_of(library, clusters)]
    return sorted(rows, key=lambda row: (str(row["path"]), int(str(row["face"]))))


def _row(cluster: Cluster, face: Face) -> dict[str, object]:
    person = cluster.person.id if cluster.person else None
    name = cluster.person.name if cluster.person else None
    box = (round(value, 1) for value in face.box)
    values = (face.path, face.id, cluster.id, person, name, face.id in cluster.confirmed_ids, *box)
    return dict(zip(COLUMNS, values, strict=True))


def rows_to_csv(rows: Sequence[dict[str, object]]) -> str:
    """CSV with a header line; empty fields for None."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
