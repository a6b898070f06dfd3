"""New faces are put to people without the rest of the library being read."""

from dataclasses import replace

import numpy as np
import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait

from facesearch.calibration import SearchesFrom
from facesearch.clustering import Cuts
from facesearch.core.types import FileFacts
from facesearch.people import clustering as people_clustering
from facesearch.people.clustering import place_new
from facesearch.storage import catalog, face_table
from facesearch.storage.faces import count_of


def known(collection: Collection) -> dict[int, list[int]]:
    """Three people in clusters, of whom the first is known."""
    faces = collection.add_people({person: range(5) for person in range(3)})
    collection.recluster()
    collection.people.name(str(collection.cluster_of(faces[0][0])), "Anna")
    return faces


def test_only_faces_of_known_people_are_read(monkeypatch) -> None:
    read: list[int] = []

    def counted(*arguments: object):
        table = real(*arguments)
        read.append(len(table))
        return table

    real = face_table._read
    monkeypatch.setattr(face_table, "_read", counted)
    with a_collection() as collection:
        known(collection)
        read.clear()
        assert collection.add_people({0: [50], 1: [50]}, place=True)
        assert max(read) == 5 + 2


def test_cuts_are_those_of_the_whole_library(monkeypatch) -> None:
    asked: list[int] = []
    cuts = Cuts.of
    monkeypatch.setattr(people_clustering.Cuts, "of", lambda n, *a: asked.append(n) or cuts(n, *a))
    with a_collection() as collection:
        known(collection)
        collection.add([a_portrait(portrait(0, 60), weak=True)], [a_portrait(portrait(0, 61))], place=True)
        assert asked[-1] == 15 + 2


def test_cuts_are_those_of_the_whole_library_before_any_clustering_too(monkeypatch) -> None:
    asked: list[int] = []
    cuts = Cuts.of
    monkeypatch.setattr(people_clustering.Cuts, "of", lambda n, *a: asked.append(n) or cuts(n, *a))
    with a_collection() as collection:
        faces = collection.add_people({person: range(5) for person in range(3)})
        collection.people.import_name("Anna", faces[0])
        collection.add([a_portrait(portrait(0, 60), weak=True)], [a_portrait(portrait(0, 61))], place=True)
        assert asked[-1] == 15 + 2


def test_faces_that_were_removed_do_not_count() -> None:
    with a_collection() as collection:
        known(collection)
        collection.remove(*collection.paths[:12])
        with collection.index.reading() as connection:
            assert count_of(connection) == 3


def test_clusters_name_a_file_that_is_there() -> None:
    with a_collection() as collection:
        known(collection)
        with collection.index.transaction() as connection:
            catalog.mark_missing(connection, ["/photos/1.jpg"])
            catalog.link_path(connection, FileFacts("/photos/copy.jpg", 1, 1), 1)
        found = {face.id: face for cluster in collection.recluster().clusters for face in cluster.faces}
        records = {record.id: record for record in collection.index.faces(list(found))}
        assert found[1].path == "/photos/copy.jpg"
        assert {face: (one.path, one.box) for face, one in found.items()} == {
            face: (record.path, record.box) for face, record in records.items()
        }


# -- as a search would name them --------------------------------------------------------------------------------------

SEARCHES = replace(
    CALIBRATION, identification=replace(CALIBRATION.search, made_from=SearchesFrom("made up", 2, 1, "2026-11-26", "so"))
)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calibration knows searches."""
    monkeypatch.setattr("people_samples.CALIBRATION", SEARCHES)


@pytest.mark.usefixtures("measured")
def test_new_faces_join_the_person_whom_a_search_would_name() -> None:
    with a_collection() as collection:
        faces = known(collection)
        anna = collection.cluster_of(faces[0][0])
        new = collection.add_people({0: [60, 61], 1: [60], 9: [60]}, place=True)
        assert [collection.cluster_of(face) for face in new[0]] == [anna, anna]
        assert [collection.cluster_of(face) for face in (*new[1], *new[9])] == [None, None]


@pytest.mark.usefixtures("measured")
def test_a_rejected_person_is_not_proposed_again() -> None:
    with a_collection() as collection:
        faces = known(collection)
        ((face,),) = collection.add([a_portrait(portrait(0, 60))])
        collection.people.reject([face], "Anna")
        collection.index.start_run("index")
        assert place_new(collection.index, SEARCHES) == 0
        assert collection.cluster_of(face) is None
        assert collection.cluster_of(faces[0][0]) is not None


def placed(*, quality: float = 1.0, others: int = 0) -> int:
    """How many of Anna's pictures that are less and less like her join her, each in a library of its own."""
    count = 0
    for blur in np.linspace(0.3, 0.47, 9):
        with a_collection() as collection:
            known(collection)
            collection.add_people({person: [0] for person in range(100, 100 + others)}, place=True)
            poor = replace(a_portrait(portrait(0, 60, blur)), quality=quality)
            ((face,),) = collection.add([poor], place=True)
            count += collection.cluster_of(face) is not None
    return count


@pytest.mark.usefixtures("measured")
def test_a_larger_library_asks_for_more_evidence_and_what_is_too_poor_tells_nobody() -> None:
    usual = placed()
    assert 1 < usual < 9
    assert placed(others=200) < usual
    assert placed(quality=0.3) == usual  # a poor face is no nearer to good ones of strangers than a good one is
    assert placed(quality=0.25) == 0


def test_faces_of_a_run_that_was_killed_are_placed_by_the_next() -> None:
    with a_collection() as collection:
        faces = known(collection)
        ((late,),) = collection.add([a_portrait(portrait(0, 60))])  # stored, and killed before they were placed
        assert collection.cluster_of(late) is None
        collection.index.start_run("index")  # which finds all photos unchanged
        assert place_new(collection.index, CALIBRATION) == 1
        assert collection.cluster_of(late) == collection.cluster_of(faces[0][0])
        collection.people.reject([late], "Anna")
        collection.index.start_run("index")
        assert place_new(collection.index, CALIBRATION) == 0  # once is enough


def test_faces_are_placed_after_everything_was_forgotten() -> None:
    """Runs are numbered from the beginning again."""
    with a_collection() as collection:
        for _ in range(2):
            collection.index.clear()
            faces = known(collection)
            ((new,),) = collection.add([a_portrait(portrait(0, 60))], place=True)
            assert collection.cluster_of(new) == collection.cluster_of(faces[0][0])
