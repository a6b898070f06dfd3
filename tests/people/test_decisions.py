"""Each decision: what it does at once, what a clustering makes of it later, and what it does not touch."""

from collections.abc import Iterator

import pytest
from people_samples import (
    Collection,
    a_collection,
    a_portrait,
    cannot_link,
    check,
    clustered,
    confirmed,
    people_ids,
    portrait,
    rejected,
    state,
    without_clusters,
)

from facesearch.core.errors import InputError


@pytest.fixture
def collection() -> Iterator[Collection]:
    """Five people of eight photos and fewer, clustered; person p is in cluster p + 1."""
    with a_collection() as collection:
        faces = collection.add_people({person: range(8 - person) for person in range(5)})
        collection.recluster()
        collection.faces = [faces[person] for person in range(5)]
        for person in range(5):
            assert {collection.cluster_of(face) for face in faces[person]} == {person + 1}
        yield collection
        check(collection.index)


def members(collection: Collection, reference: str) -> list[int]:
    return list(collection.people.find(reference).face_ids)


def newcomer(collection: Collection, person: int, shot: int) -> int:
    """A face that is in its person's cluster without the user's word."""
    ((face,),) = collection.add([a_portrait(portrait(person, shot))], place=True)
    assert collection.cluster_of(face) is not None
    assert face not in confirmed(collection.index)
    return face


def test_naming_makes_somebody_of_a_cluster(collection):
    collection.people.name("1", "Anna")
    assert set(confirmed(collection.index)) == set(collection.faces[0])
    collection.people.name("1", "Annika")
    assert [cluster.title for cluster in collection.people.with_faces()][:2] == ["Annika", "cluster 2"]


def test_merging_keeps_the_first_name_and_its_number(collection):
    collection.people.name("3", "Carl")
    collection.people.name("4", "Dora")
    collection.people.merge(["1", "Carl", "4"])
    assert members(collection, "Carl") == sorted(collection.faces[0] + collection.faces[2] + collection.faces[3])
    assert collection.people.find("Carl").id == 3
    with pytest.raises(InputError):
        collection.people.find("Dora")
    collection.recluster()
    assert len(members(collection, "Carl")) == 8 + 6 + 5


@pytest.mark.parametrize("references", [["1"], ["1", "1"], ["1", " 01"]])
def test_nothing_to_merge(collection, references):
    with pytest.raises(InputError):
        collection.people.merge(references)


def test_what_was_said_of_the_one_is_said_of_both_after_a_merge(collection):
    collection.people.name("1", "Anna")
    collection.people.reject(collection.faces[1][0], "Anna")
    collection.people.keep_apart("Anna", "3")
    collection.people.name("4", "Dora")
    collection.people.merge(["Dora", "Anna"])
    dora = collection.people.find("Dora").person.id
    assert rejected(collection.index) == {(collection.faces[1][0], dora)}
    assert cannot_link(collection.index) == {frozenset({dora, collection.people.find("3").person.id})}


def test_merging_two_who_were_kept_apart(collection):
    collection.people.keep_apart("1", "2")
    collection.people.merge(["1", "2"])
    assert cannot_link(collection.index) == set()


@pytest.mark.parametrize("winner", [1, 2])
def test_a_face_that_is_not_the_one_and_only_thought_to_be_the_other_is_neither_after_a_merge(collection, winner):
    collection.people.name("1", "Anna")
    collection.people.name("2", "Bela")
    face = newcomer(collection, 0, 50)
    collection.people.reject(face, "Bela")
    before = state(collection.index)
    collection.people.merge([str(winner), str(3 - winner)])
    assert collection.cluster_of(face) is None
    check(collection.index)
    collection.people.undo()
    assert state(collection.index) == before


def test_splitting_makes_new_people(collection):
    a, *rest, b, c, d = collection.faces[0]
    collection.people.split("1", [[b], [c, d, d]])
    assert members(collection, "1") == [a, *rest]
    assert [clustered(collection.index)[face] for face in (b, c, d)] == [6, 7, 7]
    collection.recluster()
    assert [clustered(collection.index)[face] for face in (a, b, c, d)] == [1, 6, 7, 7]


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
def test_impossible_splits(collection, parts, value):
    before = state(collection.index)
    with pytest.raises(InputError, match=value):
        collection.people.split("1", parts)
    assert state(collection.index) == before


def test_a_name_stays_with_the_rest_where_its_only_confirmed_faces_leave(collection):
    collection.people.import_name("Anna", collection.faces[0][:1])
    assert set(confirmed(collection.index)) == set(collection.faces[0][:1])
    first, *rest = collection.faces[0]
    for leave in (collection.people.not_a_face, lambda face: collection.people.reject(face, "Anna")):
        leave(first)
        assert members(collection, "Anna") == rest
        assert set(confirmed(collection.index)) == set(rest)
        collection.people.undo()
    collection.people.split("Anna", [[first]])
    assert members(collection, "Anna") == rest
    assert collection.people.find(str(collection.cluster_of(first))).title == "cluster 6"


def test_a_rejected_face_does_not_come_back(collection):
    face = collection.faces[0][1]
    collection.people.reject(face, "1")
    assert collection.cluster_of(face) is None
    collection.recluster()
    assert collection.cluster_of(face) is None
    assert members(collection, "1") == [other for other in collection.faces[0] if other != face]


def test_the_last_face_of_a_cluster_is_not_rejected(collection):
    collection.people.split("1", [collection.faces[0][:1]])
    with pytest.raises(InputError, match="`facesearch not-a-face`"):
        collection.people.reject(collection.faces[0][0], "6")


@pytest.mark.parametrize("decide", ["reject", "not_a_face"])
def test_a_face_that_is_not_there(collection, decide):
    with pytest.raises(InputError, match=r"999\b.*\b30\b.*`facesearch people --json`"):
        getattr(collection.people, decide)(999, *(["1"] if decide == "reject" else []))


def test_what_is_no_face_is_in_no_cluster_ever_again(collection):
    face = collection.faces[2][0]
    collection.people.not_a_face(face)
    found = collection.recluster()
    assert face not in clustered(collection.index)
    assert face not in found.noise
    assert found.left_out.not_faces == 1
    assert collection.people.not_a_face(face) is None


def test_ignored_people_are_kept_out_of_lists_and_go_on_growing(collection):
    collection.people.ignore("2")
    assert 2 not in {somebody.id for somebody in collection.people.all()}
    assert 2 in {somebody.id for somebody in collection.people.all(ignored=True)}
    face = newcomer(collection, 1, 50)
    assert collection.cluster_of(face) == 2
    collection.people.ignore("2", ignored=False)
    assert {somebody.id: somebody.size for somebody in collection.people.all()}[2] == 8


def test_keeping_a_cluster_apart_from_itself(collection):
    with pytest.raises(InputError, match="`facesearch split`"):
        collection.people.keep_apart("1", "1")


def test_a_decision_twice_is_one(collection):
    for again in range(2):
        for made in (
            collection.people.name("1", "Anna"),
            collection.people.keep_apart("1", "2"),
            collection.people.keep_apart("2", "Anna"),
            collection.people.ignore("3"),
            collection.people.reject(collection.faces[4][0], "1"),
            collection.people.not_a_face(collection.faces[4][1]),
        ):
            assert (made is None) == (again == 1 or made is None)
    assert len(collection.people.history()) == 5


# -- names from other programs ----------------------------------------------------------------------------------------


def test_an_imported_name_is_given_to_the_cluster_of_most_of_its_faces(collection):
    stray = collection.faces[1][0]
    collection.people.import_name("Anna", [*collection.faces[0][:2], stray])
    assert members(collection, "Anna") == sorted([*collection.faces[0], stray])
    assert collection.people.find("Anna").id == 1


def test_an_imported_name_goes_to_the_one_who_has_it_in_whatever_case(collection):
    collection.people.name("1", "Anna")
    collection.people.import_name("anna", [collection.faces[1][0]])
    assert members(collection, "Anna") == [*collection.faces[0], collection.faces[1][0]]
    assert len(people_ids(collection.index)) == 1


@pytest.mark.parametrize("name", ["An\u200bna", "\u202eanna", "Anna\x1b[31m", "\u3164", "Anna\ufe0f"])
def test_a_name_with_characters_that_nobody_sees_is_refused_and_imported_without_them(collection, name):
    with pytest.raises(InputError, match=r"nobody sees \(U\+"):
        collection.people.name("1", name)
    with pytest.raises(InputError, match="nobody sees"):
        collection.people.assign([collection.faces[0][0]], name)
    assert collection.people.history() == []
    decision = collection.people.import_name(name, collection.faces[0])
    if name == "\u3164":
        assert decision is None
    else:
        assert collection.people.find("1").title in ("Anna", "anna", "Anna[31m")


def test_namesakes_are_known_whatever_their_spelling(collection):
    collection.people.name("1", "Jos\u00e9")
    collection.people.name("2", "JOSE\u0301")
    assert collection.people.called("jos\u00e9 ") == [1, 2]
    assert [collection.people.find(number).title for number in "12"] == ["Jos\u00e9", "JOSE\u0301"]  # as typed
    with pytest.raises(InputError, match="2 people are called"):
        collection.people.find("Jos\u00e9")


def test_an_imported_name_that_is_a_number_finds_its_person_again(collection):
    collection.people.import_name("007", collection.faces[1][:1])
    collection.people.import_name("007", collection.faces[2][:1])
    assert [row["name"] for row in state(collection.index)["people"]] == ["007"]


def test_an_imported_name_on_no_cluster_of_anybody(collection):
    faces = [collection.faces[1][0], collection.faces[2][0]]
    collection.people.import_name("Anna", faces)
    assert collection.people.find("Anna").face_ids == tuple(faces)
    assert collection.people.find("Anna").id == 6


def test_an_import_leaves_alone_what_the_user_has_said(collection):
    collection.people.name("1", "Anna")
    collection.people.name("2", "Bela")
    no_face, rejected = collection.faces[2][0], collection.faces[2][1]
    collection.people.not_a_face(no_face)
    collection.people.reject(rejected, "Anna")
    before = state(collection.index)
    assert collection.people.import_name("Anna", [*collection.faces[1], no_face, rejected]) is None
    assert collection.people.import_name("  ", collection.faces[3]) is None
    assert state(collection.index) == before


# -- undo -------------------------------------------------------------------------------------------------------------


def test_undo_after_the_clusters_were_made_anew_leaves_nobody_in_two_clusters(collection):
    collection.people.name("1", "Anna")
    collection.people.name("2", "Bela")
    said = state(collection.index)
    collection.people.merge(["Anna", "Bela"])
    collection.people.split("Anna", [collection.faces[0]])
    collection.people.name("6", "Cora")
    collection.add_people({0: range(60, 70)})
    collection.recluster()
    for _ in range(2):
        collection.people.undo()
        check(collection.index)
    collection.recluster()
    collection.people.undo()
    check(collection.index)
    now, said = (without_clusters(found) for found in (state(collection.index), said))
    assert now == said


def test_a_rejected_face_that_found_another_cluster_comes_back_on_undo(collection):
    collection.people.name("1", "Anna")
    face = collection.faces[0][0]
    collection.people.reject(face, "Anna")
    collection.add(*([a_portrait(portrait(0, 0, blur))] for blur in (0.2202, 0.2204)))
    collection.recluster()
    assert collection.cluster_of(face) not in (None, 1)
    collection.people.undo()
    assert collection.cluster_of(face) == 1


def test_nothing_to_undo(collection):
    assert collection.people.undo() is None
    assert collection.people.history() == []
