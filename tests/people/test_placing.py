"""New faces are put to people without the rest of the library being read."""

from people_samples import Album, a_portrait, an_album, portrait

from facesearch.clustering import Cuts
from facesearch.people import clustering as grouping
from facesearch.storage import catalog, clusters, face_table


def known(album: Album) -> dict[int, list[int]]:
    """Three people in groups, of whom the first is known."""
    faces = album.add_people({person: range(5) for person in range(3)})
    album.recluster()
    album.people.name(str(album.group_of(faces[0][0])), "Anna")
    return faces


def test_only_faces_of_known_people_are_read(monkeypatch) -> None:
    read: list[int] = []

    def counted(*arguments: object):
        table = read_table(*arguments)
        read.append(len(table))
        return table

    read_table = face_table.read_table
    monkeypatch.setattr(face_table, "read_table", counted)
    with an_album() as album:
        known(album)
        read.clear()
        assert album.add_people({0: [50], 1: [50]}, place=True)
        assert max(read) == 5 + 2


def test_cuts_are_those_of_the_whole_library(monkeypatch) -> None:
    asked: list[int] = []
    cuts = Cuts.of
    monkeypatch.setattr(grouping.Cuts, "of", lambda n, *a: asked.append(n) or cuts(n, *a))
    with an_album() as album:
        known(album)
        album.add([a_portrait(portrait(0, 60), weak=True)], [a_portrait(portrait(0, 61))], place=True)
        assert asked[-1] == 15 + 1


def test_cuts_are_those_of_the_whole_library_before_any_clustering_too(monkeypatch) -> None:
    asked: list[int] = []
    cuts = Cuts.of
    monkeypatch.setattr(grouping.Cuts, "of", lambda n, *a: asked.append(n) or cuts(n, *a))
    with an_album() as album:
        faces = album.add_people({person: range(5) for person in range(3)})
        album.people.import_name("Anna", faces[0])
        album.add([a_portrait(portrait(0, 60), weak=True)], [a_portrait(portrait(0, 61))], place=True)
        assert asked[-1] == 15 + 1


def test_faces_that_were_removed_do_not_count() -> None:
    with an_album() as album:
        known(album)
        album.remove(*album.paths[:12])
        with album.index.reading() as connection:
            assert clusters.good_faces(connection)[0] == 3


def test_groups_name_a_file_that_is_there() -> None:
    with an_album() as album:
        known(album)
        with album.index.transaction() as connection:
            catalog.mark_missing(connection, ["/photos/1.jpg"])
            catalog.link_path(connection, "/photos/copy.jpg", 1, 1, 1)
        found = {face.id: face for cluster in album.recluster().clusters for face in cluster.faces}
        records = {record.id: record for record in album.index.faces(list(found))}
        assert found[1].path == "/photos/copy.jpg"
        assert {face: (one.path, one.box) for face, one in found.items()} == {
            face: (record.path, record.box) for face, record in records.items()
        }
