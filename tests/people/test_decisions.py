"""Each decision: what it does at once, what a clustering makes of it later, and what it does not touch."""

from collections.abc import Iterator

import pytest
from people_samples import (
    Album,
    a_portrait,
    an_album,
    cannot_link,
    check,
    confirmed,
    groups,
    people_ids,
    portrait,
    rejected,
    state,
    without_clusters,
)

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


def newcomer(album: Album, person: int, shot: int) -> int:
    """A face that is in its person's group without the user's word."""
    ((face,),) = album.add([a_portrait(portrait(person, shot))], place=True)
    assert album.group_of(face) is not None
    assert face not in confirmed(album.index)
    return face


def test_naming_makes_somebody_of_a_group(album):
    album.people.name("1", "Anna")
    assert set(confirmed(album.index)) == set(album.faces[0])
    album.people.name("1", "Annika")
    assert [cluster.title for cluster in album.people.with_faces()][:2] == ["Annika", "cluster 2"]


def test_merging_keeps_the_first_name_and_its_number(album):
    album.people.name("3", "Carl")
    album.people.name("4", "Dora")
    album.people.merge(["1", "Carl", "4"])
    assert members(album, "Carl") == sorted(album.faces[0] + album.faces[2] + album.faces[3])
    assert album.people.find("Carl").id == 3
    with pytest.raises(InputError):
        album.people.find("Dora")
    album.recluster()
    assert len(members(album, "Carl")) == 8 + 6 + 5


@pytest.mark.parametrize("references", [["1"], ["1", "1"], ["1", " 01"]])
def test_nothing_to_merge(album, references):
    with pytest.raises(InputError):
        album.people.merge(references)


def test_what_was_said_of_the_one_is_said_of_both_after_a_merge(album):
    album.people.name("1", "Anna")
    album.people.reject(album.faces[1][0], "Anna")
    album.people.keep_apart("Anna", "3")
    album.people.name("4", "Dora")
    album.people.merge(["Dora", "Anna"])
    dora = album.people.find("Dora").person.id
    assert rejected(album.index) == {(album.faces[1][0], dora)}
    assert cannot_link(album.index) == {frozenset({dora, album.people.find("3").person.id})}


def test_merging_two_who_were_kept_apart(album):
    album.people.keep_apart("1", "2")
    album.people.merge(["1", "2"])
    assert cannot_link(album.index) == set()


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
    album.people.split("1", [[b], [c, d, d]])
    assert members(album, "1") == [a, *rest]
    assert [groups(album.index)[face] for face in (b, c, d)] == [6, 7, 7]
    album.recluster()
    assert [groups(album.index)[face] for face in (a, b, c, d)] == [1, 6, 7, 7]


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        ([], None),
        ([[]], None),
        ([[1, 2], [3, 4, 5, 6, 7, 8]], None),
        ([[1], [9]], "face 9 "),
        ([[1, 2], [2]], "face 2 "),
        ([[999]], "face 999 "),
    ],
)
def test_impossible_splits(album, parts, value):
    before = state(album.index)
    with pytest.raises(InputError, match=value):
        album.people.split("1", parts)
    assert state(album.index) == before


def test_a_name_stays_with_the_rest_where_its_only_confirmed_faces_leave(album):
    album.people.import_name("Anna", album.faces[0][:1])
    assert set(confirmed(album.index)) == set(album.faces[0][:1])
    first, *rest = album.faces[0]
    for leave in (album.people.not_a_face, lambda face: album.people.reject(face, "Anna")):
        leave(first)
        assert members(album, "Anna") == rest
        assert set(confirmed(album.index)) == set(rest)
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
    with pytest.raises(InputError, match="`facesearch not-a-face`"):
        album.people.reject(album.faces[0][0], "6")


@pytest.mark.parametrize("decide", ["reject", "not_a_face"])
def test_a_face_that_is_not_there(album, decide):
    with pytest.raises(InputError, match=r"999\b.*\b30\b.*`facesearch people --json`"):
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
    with pytest.raises(InputError, match="`facesearch split`"):
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
    album.people.import_name("Anna", [*album.faces[0][:2], stray])
    assert members(album, "Anna") == sorted([*album.faces[0], stray])
    assert album.people.find("Anna").id == 1


def test_an_imported_name_goes_to_the_one_who_has_it_in_whatever_case(album):
    album.people.name("1", "Anna")
    album.people.import_name("anna", [album.faces[1][0]])
    assert members(album, "Anna") == [*album.faces[0], album.faces[1][0]]
    assert len(people_ids(album.index)) == 1


def test_an_imported_name_that_is_a_number_finds_its_person_again(album):
    album.people.import_name("007", album.faces[1][:1])
    album.people.import_name("007", album.faces[2][:1])
    assert [row["name"] for row in state(album.index)["people"]] == ["007"]


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
    assert without_clusters(state(album.index)) == without_clusters(said)


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
