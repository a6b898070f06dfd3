"""What is said of several faces at once: one decision, taken back as one."""

from collections.abc import Callable, Iterator

import pytest
from people_samples import Album, an_album, cannot_link, check, confirmed, groups, not_faces, rejected, state

from facesearch.core.errors import InputError


@pytest.fixture
def album() -> Iterator[Album]:
    """Four people of seven photos and fewer, grouped; person p is in group p + 1."""
    with an_album() as album:
        faces = album.add_people({person: range(7 - person) for person in range(4)})
        album.recluster()
        album.faces = [faces[person] for person in range(4)]
        yield album
        check(album.index)


def members(album: Album, reference: str) -> list[int]:
    return list(album.people.find(reference).face_ids)


DECISIONS: list[Callable[[Album], object]] = [
    lambda album: album.people.reject(album.faces[0][:3], "1"),
    lambda album: album.people.reject([*album.faces[0][:3], *album.faces[1]], "1"),
    lambda album: album.people.assign(album.faces[0][:3], "Anna"),
    lambda album: album.people.assign(album.faces[0][:3], "Bela"),
    lambda album: album.people.assign([*album.faces[0][:3], *album.faces[1], album.faces[3][0]], "3"),
    lambda album: album.people.not_a_face([*album.faces[0], *album.faces[1][:2]]),
    lambda album: album.people.split("1", [album.faces[0][:3]]),
]


@pytest.mark.parametrize("decide", DECISIONS)
def test_each_is_one_decision_and_undo_brings_everything_back(album, decide):
    album.people.name("2", "Bela")
    before = state(album.index)
    decide(album)
    check(album.index)
    assert state(album.index) != before
    assert [decision.kind for decision in album.people.history()][1:] == ["name"]
    made = album.people.history()[0]
    assert album.people.undo(made.id) == made
    assert state(album.index) == before


def test_faces_become_somebody_new_by_a_name_that_nobody_has(album):
    decision = album.people.assign([*album.faces[0][:2], album.faces[1][0]], "  Carl  ")
    assert decision.kind == "assign"
    assert members(album, "Carl") == sorted([*album.faces[0][:2], album.faces[1][0]])
    assert members(album, "1") == album.faces[0][2:]
    assert len(cannot_link(album.index)) == 2  # Carl is neither of those whom he was taken for
    before = groups(album.index)
    album.recluster()
    assert groups(album.index) == before


def test_faces_become_somebody_who_is_known_by_name_or_number(album):
    album.people.name("2", "Bela")
    album.people.assign([album.faces[0][0]], "bela")
    assert members(album, "Bela") == sorted([album.faces[0][0], *album.faces[1]])
    album.people.assign(album.faces[0][1:3], "3")
    assert members(album, "3") == sorted([*album.faces[0][1:3], *album.faces[2]])
    assert len(groups(album.index)) == 7 + 6 + 5 + 4


def test_all_faces_of_somebody_are_somebody_else(album):
    album.people.name("1", "Anna")
    album.people.reject([album.faces[2][0]], "Anna")
    album.people.keep_apart("Anna", "4")
    album.people.assign(album.faces[0], "Bela")
    assert members(album, "Bela") == album.faces[0]
    with pytest.raises(InputError):
        album.people.find("Anna")
    assert rejected(album.index) == cannot_link(album.index) == set()
    album.people.undo()
    assert members(album, "Anna") == album.faces[0]
    assert len(cannot_link(album.index)) == 1


def test_the_users_last_word_about_a_face_counts(album):
    album.people.name("1", "Anna")
    face = album.faces[1][0]
    album.people.reject(face, "Anna")
    album.people.not_a_face(face)
    album.people.assign([face], "Anna")
    assert face in members(album, "Anna")
    assert rejected(album.index) == not_faces(album.index) == set()


def test_saying_what_is_so_already_is_no_decision(album):
    album.people.name("1", "Anna")
    assert album.people.assign(album.faces[0], "Anna") is None
    assert album.people.is_a_face(album.faces[0]) is None
    assert len(album.people.history()) == 1


def test_a_group_whose_faces_are_said_to_be_its_own_is_confirmed(album):
    album.people.assign([album.faces[0][0]], "1")
    assert set(confirmed(album.index)) == set(album.faces[0])


def test_what_is_a_face_after_all_is_grouped_again(album):
    album.people.not_a_face(album.faces[0][:2])
    assert members(album, "1") == album.faces[0][2:]
    album.people.is_a_face(album.faces[0][:2])
    album.recluster()
    assert members(album, "1") == album.faces[0]


def test_a_name_stays_with_the_faces_that_are_left(album):
    album.people.name("1", "Anna")
    (late,) = album.add_people({0: [50]}, place=True)[0]
    album.people.not_a_face(album.faces[0])  # all that were confirmed
    assert members(album, "Anna") == [late]


@pytest.mark.parametrize(
    ("decide", "value"),
    [
        (lambda album: album.people.assign([], "Anna"), None),
        (lambda album: album.people.assign([99], "Anna"), "99"),
        (lambda album: album.people.assign([1, -3], "Anna"), "-3"),
        (lambda album: album.people.assign([1], "99"), "99"),
        (lambda album: album.people.assign([1], "  "), None),
        (lambda album: album.people.assign([1], "x" * 201), "201"),
        (lambda album: album.people.assign([1], "Twin"), "3, 4"),
        (lambda album: album.people.reject(album.faces[0], "1"), "`facesearch not-a-face`"),
        (lambda album: album.people.reject([], "1"), None),
        (lambda album: album.people.not_a_face([]), None),
        (lambda album: album.people.is_a_face([10**30]), str(10**30)),
    ],
)
def test_what_cannot_be_meant_changes_nothing(album, decide, value):
    album.people.name("3", "Twin")
    album.people.name("4", "Twin")
    before = state(album.index)
    with pytest.raises(InputError, match=value):
        decide(album)
    assert state(album.index) == before
    assert len(album.people.history()) == 2


def test_only_the_decision_that_is_meant_is_undone(album):
    first, second = album.people.name("1", "Anna"), album.people.name("2", "Bela")
    with pytest.raises(InputError, match=r"cluster 2 is Bela.*`facesearch history`"):
        album.people.undo(first.id)
    assert album.people.history(limit=1) == [second]
    assert album.people.undo(second.id) == second
    assert album.people.undo(first.id) == first
    with pytest.raises(InputError):
        album.people.undo(first.id)


def test_which_group_a_face_is_in(album):
    assert album.people.cluster_of(album.faces[1][0]) == 2
    album.people.not_a_face(album.faces[1][0])
    assert album.people.cluster_of(album.faces[1][0]) is None
    with pytest.raises(InputError):
        album.people.cluster_of(99)
