"""A person may be called 2, and cluster 2 is somebody else: what means whom."""

import re

import pytest
from people_samples import Collection, a_collection

from facesearch.core.errors import InputError


@pytest.fixture
def named_two():
    """Clusters 1, 2 and 3, of which 1 is a person called "2", and 3 one called "40"."""
    with a_collection() as collection:
        collection.add_people({0: range(6), 1: range(5), 2: range(4)})
        collection.recluster()
        collection.people.name("1", "2")
        collection.people.name("3", "40")
        yield collection


def titles(collection: Collection) -> dict[int, str]:
    return {one.id: one.title for one in collection.people.all()}


def test_what_may_be_a_name_or_a_cluster_is_refused_and_both_can_be_said(named_two: Collection) -> None:
    with pytest.raises(InputError, match=re.escape("say cluster:2 or name:2")):
        named_two.people.find("2")
    assert named_two.people.find("cluster:2").id == 2
    assert named_two.people.find("name:2").id == 1
    assert named_two.people.find("40").id == 3
    assert named_two.people.find("1").id == 1
    for nobody in ("cluster:40", "name:1", "cluster:999999999999999999999", "41", "name:"):
        with pytest.raises(InputError, match=r"no cluster|nobody called"):
            named_two.people.find(nobody)


def test_every_decision_takes_either(named_two: Collection) -> None:
    people, faces = named_two.people, named_two.people.find("cluster:2").face_ids
    for decide in (
        lambda who: people.name(who, "Anna"),
        lambda who: people.merge([who, "cluster:3"]),
        lambda who: people.assign([faces[0]], who),
        lambda who: people.reject([faces[0]], who),
        lambda who: people.ignore(who),
        lambda who: people.split(who, [[people.find("name:2").face_ids[0]]]),
        lambda who: people.keep_apart(who, "cluster:3"),
    ):
        before = titles(named_two)
        with pytest.raises(InputError, match="say cluster:2 or name:2"):
            decide("2")
        decide("name:2")
        assert people.find("cluster:2").person is None or faces[0] not in people.find("cluster:2").face_ids
        people.undo()
        assert titles(named_two) == before
    people.name("cluster:2", "Anna")
    assert titles(named_two) == {1: "2", 2: "Anna", 3: "40"}
    people.merge(["cluster:2", "name:40"])
    assert titles(named_two) == {1: "2", 2: "Anna"}


def test_faces_get_a_new_person_whose_name_is_a_number(named_two: Collection) -> None:
    (face,) = named_two.people.find("cluster:2").face_ids[:1]
    with pytest.raises(InputError, match="no cluster 7"):
        named_two.people.assign(face, "7")
    named_two.people.assign(face, "name:7")
    assert named_two.people.find("7").face_ids == (face,)
    assert named_two.people.find("7").title == "7"
    named_two.people.assign(named_two.people.find("cluster:2").face_ids[0], "name:2")
    assert named_two.people.find("name:2").id == 1


def test_another_person_of_a_name_gets_faces(named_two: Collection) -> None:
    face = named_two.people.find("cluster:2").face_ids[0]
    named_two.people.assign(face, "name:2", new=True)
    assert [len(named_two.people.find(f"cluster:{one}").face_ids) for one in named_two.people.called("2")] == [6, 1]
    with pytest.raises(InputError, match=r"2 people are called '2': say which, one of cluster:1, cluster:\d"):
        named_two.people.find("name:2")


def test_photos_are_filtered_by_either(named_two: Collection) -> None:
    people = named_two.people
    assert len(people.photos("name:2")) == 6
    assert len(people.photos("cluster:2")) == 5
    with pytest.raises(InputError, match="say cluster:2"):
        people.photos("2")


def test_a_name_is_never_taken_for_what_it_looks_like(named_two: Collection) -> None:
    for name in ("cluster:2", "name:2", "007", "#2", "2/3"):
        named_two.people.name("cluster:3", name)
        assert named_two.people.find(f"name:{name}").id == 3
        assert named_two.people.find("cluster:3").title == name
        assert named_two.people.find("cluster:2").id == 2


def test_imported_numbers_are_names(named_two: Collection) -> None:
    faces = named_two.people.find("cluster:2").face_ids
    named_two.people.import_name("1", faces[:4])
    assert titles(named_two) == {1: "2", 2: "1", 3: "40"}
    named_two.people.undo()
    named_two.people.import_name("2", faces[:1])
    assert named_two.people.find("name:2").size == 7


def test_whoever_is_forgotten_is_meant(named_two: Collection) -> None:
    with pytest.raises(InputError, match="say cluster:2 or name:2"):
        named_two.people.forget("2")
    assert named_two.people.forget("cluster:2") == 5
    assert named_two.people.forget("2") == 6
    assert titles(named_two) == {3: "40"}


def test_a_cluster_that_has_been_dissolved_is_found_by_its_face(named_two: Collection) -> None:
    shown = next(one for one in named_two.people.all() if one.id == 2)
    assert shown.reference == f"cluster:2/{shown.cover.id}"
    named_two.people.merge(["cluster:3", "cluster:2"])
    assert named_two.people.find(shown.reference).id == 3
    with pytest.raises(InputError, match="no cluster 2"):
        named_two.people.find("cluster:2")
