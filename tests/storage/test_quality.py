"""The quality of a face is kept with it; one of before is judged by what is known of it, wherever it is read."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from index_samples import OTHER_SPEC, a_face, a_photo, put, unit

from facesearch.core.quality import earlier_qualities, earlier_quality
from facesearch.core.settings import DetectorSpec
from facesearch.storage import Store, pending_faces
from facesearch.storage.database import FILE_NAME
from facesearch.storage.face_table import read_all
from facesearch.storage.pending_faces import PendingFace, Target

TARGET = Target(OTHER_SPEC, DetectorSpec("made-up", 1, ()), anew=False)
POOR = replace(a_face(unit(0)), quality=0.375, defect="blurred")
GOOD = replace(a_face(unit(1)), quality=1.0)


@pytest.fixture
def filled(index: Store) -> Store:
    put(index, index.start_run("index"), replace(a_photo("/p/a", "a"), faces=(POOR, GOOD)))
    return index


def test_it_comes_back_as_it_was_put(filled: Store) -> None:
    poor, good = filled.faces([1, 2])
    assert [(face.quality, face.defect, face.weak, face.too_poor) for face in (poor, good)] == [
        (0.375, "blurred", True, False),
        (1.0, "", False, False),
    ]
    with filled.reading() as connection:
        assert read_all(connection, filled.spec.dim).quality.tolist() == [0.375, 1.0]


def test_faces_of_before_have_the_quality_that_they_had(filled: Store) -> None:
    with closing(sqlite3.connect(filled.folder / FILE_NAME)) as raw, raw:
        raw.execute("UPDATE faces SET quality = NULL, defect = NULL WHERE id = 1")
    poor, good = filled.faces([1, 2])
    expected = earlier_quality(POOR.box, POOR.landmarks, POOR.score, POOR.sharpness)
    assert (poor.quality, poor.defect) == expected
    assert expected[1]
    assert (good.quality, good.defect) == (1.0, "")
    with filled.reading() as connection:
        table = read_all(connection, filled.spec.dim)
    by_rows = earlier_qualities(table.boxes, table.landmarks, table.scores, table.sharpness)
    assert table.quality.tolist() == [by_rows[0], 1.0]
    assert by_rows[0] == pytest.approx(expected[0])


def test_a_migration_brings_the_new_ones(filled: Store) -> None:
    new = [unit(number, TARGET.model.dim) for number in (1, 2)]
    moved = [replace(GOOD, id=1, embedding=new[0]), replace(POOR, id=2, embedding=new[1])]
    with filled.transaction() as connection:
        pending_faces.put(connection, TARGET, 1, 20.0, [PendingFace(face, True) for face in moved])
    filled.adopt(TARGET, ())
    found = filled.faces([1, 2])
    assert [(face.quality, face.defect) for face in found] == [(1.0, ""), (0.375, "blurred")]
    assert not np.isnan([face.quality for face in found]).any()
