"""Each decision: what it does at once, what a clustering makes of it later, and what it does not touch."""

from collections.abc import Iterator

import pytest
from people_samples import Album, a_portrait, an_album, check, groups, portrait, rows, state

from facesearch.core.errors import InputError


@pytest.fixture
def album() -> Iterator[Album]:
    """Five people of eight photos and fewer, grouped; person p is in group p + 1."""
    with an_album() as album:
        faces = album.add_people({person: range(8 - person) for person in range(5)})
        album.recluster()
        album.faces = [faces[person] for person in range(5)]
        for person in range(5):
            assert {album.group_of(face) for face in faces[person]} == {person + 1}
        yield album
        check(album.index)


def members(album: Album, reference: str) -> list[int]:
    return list(album.people.find(reference).face_ids)


def confirmed(album: Album) -> set[int]:
    return {row[0] for row in rows(album.index, "SELECT face_id FROM confirmed")}


def newcomer(album: Album, person: int, shot: int) -> int:
    """A face that is in its person's group without the user's word."""
    ((face,),) = album.add([a_portrait(portrait(person, shot))], place=True)
    assert album.group_of(face) is not None
    assert face not in confirmed(album)
    return face


def test_naming_makes_somebody_of_a_group(album):
    album.people.name("1", "Anna")
    assert confirmed(album) == set(album.faces[0])
    album.people.name("1", "Annika")
    assert [cluster.title for cluster in album.people.with_faces()][:2] == ["Annika", "cluster 2"]


def test_merging_keeps_the_first_name_and_its_number(album):
    album.people.name("3", "Carl")
    album.people.name("4", "Dora")
    decision = album.people.merge(["1", "Carl", "4"])
    assert decision.summary == "cluster 1, Dora merged into Carl"
    assert members(album, "Carl") == sorted(album.faces[0] + album.faces[2] + album.faces[3])
    assert album.people.find("Carl").id == 3
    with pytest.raises(InputError, match="nobody called 'Dora'"):
        album.people.find("Dora")
    album.recluster()
    assert len(members(album, "Carl")) == 8 + 6 + 5


@pytest.mark.parametrize("references", [["1"], ["1", "1"], ["1", " 01"]])
def test_nothing_to_merge(album, references):
    with pytest.raises(InputError, match="not the same already"):
        album.people.merge(references)


def test_what_was_said_of_the_one_is_said_of_both_after_a_merge(album):
    album.people.name("1", "Anna")
    album.people.reject(album.faces[1][0], "Anna")
    album.people.keep_apart("Anna", "3")
    album.people.name("4", "Dora")
    album.people.merge(["Dora", "Anna"])
    dora = album.people.find("Dora").person.id
    assert rows(album.index, "SELECT face_id, person_id FROM rejected") == [(album.faces[1][0], dora)]
    (pair,) = rows(album.index, "SELECT * FROM cannot_link")
    assert set(pair) == {dora, album.people.find("3").person.id}


def test_merging_two_who_were_kept_apart(album):
    album.people.keep_apart("1", "2")
    album.people.merge(["1", "2"])
    assert rows(album.index, "SELECT * FROM cannot_link") == []


@pytest.mark.parametrize("winner", [1, 2])
def test_a_face_that_is_not_the_one_and_only_thought_to_be_the_other_is_neither_after_a_merge(album, winner):
    album.people.name("1", "Anna")
    album.people.name("2", "Bela")
    face = newcomer(album, 0, 50)
    album.people.reject(face, "Bela")
    before = state(album.index)
    album.people.merge([str(winner), str(3 - winner)])
    assert album.group_of(face) is None
    check(album.index)
    album.people.undo()
    assert state(album.index) == before


def test_splitting_makes_new_people(album):
    a, *rest, b, c, d = album.faces[0]
    decision = album.people.split("1", [[b], [c, d, d]])
    assert decision.summary == "3 faces taken out of cluster 1"
    assert members(album, "1") == [a, *rest]
    assert [groups(album.index)[face] for face in (b, c, d)] == [6, 7, 7]
    album.recluster()
    assert [groups(album.index)[face] for face in (a, b, c, d)] == [1, 6, 7, 7]


def test_splitting_says_in_the_singular_that_one_has_left(album):
    assert album.people.split("1", [album.faces[0][:1]]).summary == "1 face taken out of cluster 1"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([], "some must leave"),
        ([[]], "some must leave"),
        ([[1, 2], [3, 4, 5, 6, 7, 8]], "some must leave and some must stay"),
        ([[1], [9]], "face 9 is not in cluster 1"),
        ([[1, 2], [2]], "face 2 cannot be two people"),
        ([[999]], "face 999 is not in cluster 1"),
    ],
)
def test_impossible_splits(album, parts, said):
    before = state(album.index)
    with pytest.raises(InputError, match=said):
        album.people.split("1", parts)
    assert state(album.index) == before


def test_a_name_stays_with_the_rest_where_its_only_confirmed_faces_leave(album):
    album.people.import_name("Anna", album.faces[0][:1])
    assert confirmed(album) == set(album.faces[0][:1])
    first, *rest = album.faces[0]
    for leave in (album.people.not_a_face, lambda face: album.people.reject(face, "Anna")):
        leave(first)
        assert members(album, "Anna") == rest
        assert confirmed(album) == set(rest)
        album.people.undo()
    album.people.split("Anna", [[first]])
    assert members(album, "Anna") == rest
    assert album.people.find(str(album.group_of(first))).title == "cluster 6"


def test_a_rejected_face_does_not_come_back(album):
    face = album.faces[0][1]
    album.people.reject(face, "1")
    assert album.group_of(face) is None
    album.recluster()
    assert album.group_of(face) is None
    assert members(album, "1") == [other for other in album.faces[0] if other != face]


def test_the_last_face_of_a_group_is_not_rejected(album):
    album.people.split("1", [album.faces[0][:1]])
    with pytest.raises(InputError, match="is the only one of cluster 6"):
        album.people.reject(album.faces[0][0], "6")


@pytest.mark.parametrize("decide", ["reject", "not_a_face"])
def test_a_face_that_is_not_there(album, decide):
    with pytest.raises(InputError, match="there is no face 999: faces have numbers up to 30"):
        getattr(album.people, decide)(999, *(["1"] if decide == "reject" else []))


def test_what_is_no_face_is_in_no_group_ever_again(album):
    face = album.faces[2][0]
    album.people.not_a_face(face)
    found = album.recluster()
    assert face not in groups(album.index)
    assert face not in found.noise
    assert found.left_out.not_faces == 1
    assert album.people.not_a_face(face) is None


def test_ignored_people_are_kept_out_of_lists_and_go_on_growing(album):
    album.people.ignore("2")
    assert 2 not in {somebody.id for somebody in album.people.all()}
    assert 2 in {somebody.id for somebody in album.people.all(ignored=True)}
    face = newcomer(album, 1, 50)
    assert album.group_of(face) == 2
    album.people.ignore("2", ignored=False)
    assert {somebody.id: somebody.size for somebody in album.people.all()}[2] == 8


def test_keeping_a_group_apart_from_itself(album):
    with pytest.raises(InputError, match="are the same cluster"):
        album.people.keep_apart("1", "1")


def test_a_decision_twice_is_one(album):
    for again in range(2):
        for made in (
            album.people.name("1", "Anna"),
            album.people.keep_apart("1", "2"),
            album.people.keep_apart("2", "Anna"),
            album.people.ignore("3"),
            album.people.reject(album.faces[4][0], "1"),
            album.people.not_a_face(album.faces[4][1]),
        ):
            assert (made is None) == (again == 1 or made is None)
    assert len(album.people.history()) == 5


# -- names from other programs ----------------------------------------------------------------------------------------


def test_an_imported_name_is_given_to_the_group_of_most_of_its_faces(album):
    stray = album.faces[1][0]
    decision = album.people.import_name("Anna", [*album.faces[0][:2], stray])
    assert decision.summary == "3 faces are Anna, as their photos say"
    assert members(album, "Anna") == sorted([*album.faces[0], stray])
    assert album.people.find("Anna").id == 1


def test_an_imported_name_goes_to_the_one_who_has_it_in_whatever_case(album):
    album.people.name("1", "Anna")
    assert album.people.import_name("anna", [album.faces[1][0]]).summary == "1 face is anna, as their photos say"
    assert members(album, "Anna") == [*album.faces[0], album.faces[1][0]]
    assert len(rows(album.index, "SELECT * FROM people")) == 1


def test_an_imported_name_that_is_a_number_finds_its_person_again(album):
    album.people.import_name("007", album.faces[1][:1])
    album.people.import_name("007", album.faces[2][:1])
    assert [row[0] for row in rows(album.index, "SELECT name FROM people")] == ["007"]


def test_an_imported_name_on_no_group_of_anybody(album):
    faces = [album.faces[1][0], album.faces[2][0]]
    album.people.import_name("Anna", faces)
    assert album.people.find("Anna").face_ids == tuple(faces)
    assert album.people.find("Anna").id == 6


def test_an_import_leaves_alone_what_the_user_has_said(album):
    album.people.name("1", "Anna")
    album.people.name("2", "Bela")
    no_face, rejected = album.faces[2][0], album.faces[2][1]
    album.people.not_a_face(no_face)
    album.people.reject(rejected, "Anna")
    before = state(album.index)
    assert album.people.import_name("Anna", [*album.faces[1], no_face, rejected]) is None
    assert album.people.import_name("  ", album.faces[3]) is None
    assert state(album.index) == before


# -- undo -------------------------------------------------------------------------------------------------------------


def test_undo_after_the_groups_were_made_anew_leaves_nobody_in_two_groups(album):
    album.people.name("1", "Anna")
    album.people.name("2", "Bela")
    said = state(album.index)
    album.people.merge(["Anna", "Bela"])
    album.people.split("Anna", [album.faces[0]])
    album.people.name("6", "Cora")
    album.add_people({0: range(60, 70)})
    album.recluster()
    for _ in range(2):
        album.people.undo()
        check(album.index)
    album.recluster()
    album.people.undo()
    check(album.index)
    after = state(album.index)
    assert {table: after[table] for table in after if table != "clustered"} == {
        table: said[table] for table in said if table != "clustered"
    }


def test_a_rejected_face_that_found_another_group_comes_back_on_undo(album):
    album.people.name("1", "Anna")
    face = album.faces[0][0]
    album.people.reject(face, "Anna")
    album.add(*([a_portrait(portrait(0, 0, blur))] for blur in (0.2202, 0.2204)))
    album.recluster()
    assert album.group_of(face) not in (None, 1)
    album.people.undo()
    assert album.group_of(face) == 1


def test_nothing_to_undo(album):
    assert album.people.undo() is None
    assert album.people.history() == []
