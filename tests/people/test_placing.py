"""New faces are put to people without the rest of the library being read."""

from people_samples import Collection, a_collection, a_portrait, portrait

from facesearch.clustering import Cuts
from facesearch.people import clustering as people_clustering
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
            catalog.link_path(connection, "/photos/copy.jpg", 1, 1, 1)
        found = {face.id: face for cluster in collection.recluster().clusters for face in cluster.faces}
        records = {record.id: record for record in collection.index.faces(list(found))}
        assert found[1].path == "/photos/copy.jpg"
        assert {face: (one.path, one.box) for face, one in found.items()} == {
            face: (record.path, record.box) for face, record in records.items()
        }
