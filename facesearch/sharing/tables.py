"""Tables of faces: where each is, and whose."""

import csv
import io
from collections.abc import Sequence

from facesearch.core.arguments import Strings
from facesearch.core.checks import checked
from facesearch.core.spreadsheets import escaped
from facesearch.core.types import Cluster, Face
from facesearch.library import Library
from facesearch.sharing.selection import chosen, faces_of

__all__ = ["COLUMNS", "export_rows", "rows_to_csv"]

COLUMNS = ("path", "face", "group", "person", "name", "confirmed", "x1", "y1", "x2", "y2")


@checked
def export_rows(library: Library, only: Strings = ()) -> list[dict[str, object]]:
    """One row a face, with the columns of COLUMNS, in order of path and face.

    Faces in no cluster have None for it; names of ignored people are left out.

    Args:
        only: clusters' numbers and people's names, ignored ones with their names; none for all faces.

    Raises InputError where one of them is not there.
    """
    asked_for = chosen(library, only)
    rows = [
        _row(face, cluster, named=not cluster.ignored or asked_for is not None)
        for cluster, face in faces_of(library, asked_for or library.people.with_faces())
    ]
    if asked_for is None:
        rows += [_row(face) for face in library.store.unclustered_faces()]
    return sorted(rows, key=lambda row: (str(row["path"]), int(str(row["face"]))))


def _row(face: Face, cluster: Cluster | None = None, *, named: bool = False) -> dict[str, object]:
    person = cluster.person if cluster else None
    who = (cluster.id if cluster else None, person.id if person else None, person.name if person and named else None)
    box = (round(value, 1) for value in face.box)
    values = (face.path, face.id, *who, cluster is not None and face.id in cluster.confirmed_ids, *box)
    return dict(zip(COLUMNS, values, strict=True))


def rows_to_csv(rows: Sequence[dict[str, object]]) -> str:
    """CSV with a header line; empty fields for None, and text that no spreadsheet runs (`core.spreadsheets`)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: escaped(cell) if isinstance(cell, str) else cell for key, cell in row.items()})
    return text.getvalue()
