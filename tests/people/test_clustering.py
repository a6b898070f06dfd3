"""Clustering again: names and corrections hold, numbers stay, order does not matter, new faces find their people."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from index_samples import a_photo, put
from people_samples import (
    CALIBRATION,
    Collection,
    a_collection,
    a_portrait,
    check,
    clustered,
    partition,
    portrait,
    state,
    without_clusters,
)

from facesearch.core.types import Face
from facesearch.people import People
from facesearch.people.clustering import place_new


@pytest.fixture
def collection() -> Iterator[Collection]:
    with a_collection() as collection:
        yield collection
        check(collection.index)


def labels(collection: Collection) -> dict[str, str | None]:
    """Cluster number and name of everybody, by their lowest face."""
    return {f"{cluster.face_ids[0]}": f"{cluster.id} {cluster.title}" for cluster in collection.people.with_faces()}


# -- names and corrections outlive clusterings ------------------------------------------------------------------------


def correct(people: People, faces: dict[int, list[int]]) -> list[Callable[[], object]]:
    """Ten corrections of different kinds, on people who are called P0, P1, ..."""
    return [
        lambda: people.merge(["P0", "P1"]),
        lambda: people.split("P2", [faces[2][:2]]),
        lambda: people.reject(faces[3][0], "P3"),
        lambda: people.not_a_face(faces[4][0]),
        lambda: people.ignore("P5"),
        lambda: people.keep_apart("P6", "P7"),
        lambda: people.name("P8", "Paula"),
        lambda: people.import_name("P9", [faces[25][0]]),
        lambda: people.reject(faces[10][0], "P11"),
        lambda: people.merge(["P12", str(people.find("P13").id), "P14"]),
    ]


def test_names_and_corrections_outlive_new_photos_and_undo_goes_back_step_by_step(collection):
    faces = collection.add_people({person: range(5) for person in range(30)})
    collection.recluster()
    people, past = collection.people, []
    for person in range(20):
        past.append(state(collection.index))
        people.name(str(collection.cluster_of(faces[person][0])), f"P{person}")
    for decide in correct(people, faces):
        past.append(state(collection.index))
        assert decide() is not None
        check(collection.index)
    said = state(collection.index)
    collection.add_people({person: range(100, 105) for person in range(40)}, place=True)
    collection.recluster()

    assert without_clusters(state(collection.index)) == without_clusters(said)
    assert set(faces[0] + faces[1]) <= set(people.find("P0").face_ids)
    assert not set(faces[2][:2]) & set(people.find("P2").face_ids)
    assert collection.cluster_of(faces[2][0]) == collection.cluster_of(faces[2][1])
    assert faces[3][0] not in people.find("P3").face_ids
    assert collection.cluster_of(faces[4][0]) is None
    assert people.find("P5").ignored
    assert people.find("P6").id != people.find("P7").id
    assert set(people.find("Paula").face_ids) >= set(faces[8])
    assert faces[25][0] in people.find("P9").face_ids
    assert faces[10][0] not in people.find("P11").face_ids
    assert set(faces[12] + faces[13] + faces[14]) <= set(people.find("P12").face_ids)
    for person in (15, 16, 17, 18, 19):
        assert len(people.find(f"P{person}").face_ids) == 10

    for before in reversed(past):
        people.undo()
        check(collection.index)
        assert without_clusters(state(collection.index)) == without_clusters(before)
    assert people.undo() is None


def test_every_step_of_undo_is_exact_where_the_clusters_were_not_made_anew(collection):
    faces = collection.add_people({person: range(4) for person in range(30)})
    collection.recluster()
    people, past = collection.people, []
    for person in range(20):
        past.append(state(collection.index))
        people.name(str(collection.cluster_of(faces[person][0])), f"P{person}")
    for decide in correct(people, faces):
        past.append(state(collection.index))
        decide()
    for before in reversed(past):
        people.undo()
        assert state(collection.index) == before


# -- numbers ----------------------------------------------------------------------------------------------------------


def test_numbers_stay_when_clusters_are_made_again_and_when_photos_come(collection):
    faces = collection.add_people({person: range(3 + person % 4) for person in range(15)})
    collection.recluster()
    first = clustered(collection.index)
    collection.recluster()
    assert clustered(collection.index) == first
    collection.add_people({person: range(50, 60) for person in (14, 13, 30, 31)})
    collection.recluster()
    after = clustered(collection.index)
    assert {face: after[face] for face in first} == first
    assert {after[face] for face in after if face not in first} - set(first.values()) == {16, 17}
    assert len(faces) == 15


def two_looks(count: int, look: int) -> list[list[Face]]:
    """Pictures of one of two people who are hardly told apart while there are few of them."""
    between = portrait(1, 0, 0.0).astype(np.float64) - portrait(0, 0, 0.0)
    middle = (portrait(1, 0, 0.0).astype(np.float64) + portrait(0, 0, 0.0)) / 2
    made = []
    for shot in range(count):
        vector = middle + (0.42 if look else -0.42) * between + 0.08 * portrait(60 + look, shot, 0.4)
        made.append([a_portrait((vector / np.linalg.norm(vector)).astype(np.float32))])
    return made


def test_a_number_stays_with_the_larger_part_when_more_faces_show_that_there_are_two(collection):
    larger = [face for (face,) in collection.add(*two_looks(5, 0))]
    smaller = [face for (face,) in collection.add(*two_looks(2, 1))]
    collection.recluster()
    together = clustered(collection.index)
    assert set(together.values()) == {1}
    # Among many strangers the same distance is worth less.
    collection.add_people({person: range(2) for person in range(100, 400)})
    collection.recluster()
    after = clustered(collection.index)
    assert {after.get(face) for face in larger} == {1}
    assert 1 not in {after.get(face) for face in smaller}


def test_a_named_persons_number_stays_with_the_name(collection):
    few = [face for (face,) in collection.add(*two_looks(2, 1))]
    many = [face for (face,) in collection.add(*two_looks(5, 0))]
    collection.recluster()
    assert set(clustered(collection.index).values()) == {1}
    collection.people.import_name("Anna", few)
    assert collection.people.find("1").title == "Anna"
    collection.add_people({person: range(2) for person in range(100, 400)})
    collection.recluster()
    assert set(few) <= set(collection.people.find("Anna").face_ids)
    assert collection.people.find("Anna").id == 1
    assert 1 not in {collection.cluster_of(face) for face in many}


def test_a_named_persons_number_wins_over_a_larger_clusters(collection):
    faces = collection.add_people({0: range(2), 1: range(6)})
    collection.recluster()
    small, large = collection.cluster_of(faces[0][0]), collection.cluster_of(faces[1][0])
    collection.people.name(str(small), "Anna")
    collection.people.merge([str(small), str(large)])
    collection.recluster()
    assert collection.people.find("Anna").id == small
    assert large not in clustered(collection.index).values()


def test_numbers_are_never_given_twice(collection):
    faces = collection.add_people({0: range(4), 1: range(3)})
    collection.recluster()
    collection.people.split("1", [faces[0][:1]])
    collection.people.undo()
    collection.remove(*collection.paths[4:])
    collection.recluster()
    collection.add_people({2: range(3)})
    collection.recluster()
    assert set(clustered(collection.index).values()) == {1, 4}


# -- order ------------------------------------------------------------------------------------------------------------


def shuffled(seed: int) -> list[list[Face]]:
    """Photos of 25 people, alone and together, good and poor, in an order that the seed gives."""
    rng = np.random.default_rng(3)
    photos = []
    for shot in range(110):
        who = rng.choice(25, size=rng.integers(1, 4), replace=False) ** 2 // 25
        blur = float(rng.choice([0.18, 0.25, 0.3]))
        faces = [a_portrait(portrait(int(p), shot, blur), i, weak=bool(rng.random() < 0.15)) for i, p in enumerate(who)]
        photos.append(faces)
    order = np.random.default_rng(seed).permutation(len(photos)) if seed else np.arange(len(photos))
    return [photos[i] for i in order]


def by_content(collection: Collection) -> set[frozenset[tuple[bytes, float]]]:
    ids, embeddings = collection.index.embeddings()
    content = {
        face.id: (embedding.tobytes(), face.box[0])
        for face, embedding in zip(collection.index.faces(ids.tolist()), embeddings, strict=True)
    }
    return {frozenset(content[face] for face in faces) for faces in partition(collection.index)}


def test_the_same_clusters_in_any_order_and_in_two_halves():
    found = []
    for seed, halves in ((0, False), (1, False), (2, False), (3, True)):
        with a_collection() as collection:
            photos = shuffled(seed)
            if halves:
                collection.add(*photos[:55])
                collection.recluster()
                collection.add(*photos[55:], place=True)
            else:
                collection.add(*photos)
            collection.recluster()
            found.append(by_content(collection))
    assert found[0] == found[1] == found[2] == found[3]
    assert len(found[0]) > 8
    assert sum(map(len, found[0])) > 150


# -- new faces of known people ----------------------------------------------------------------------------------------


def test_new_faces_find_their_people_at_once_and_strangers_wait(collection):
    faces = collection.add_people({0: range(4), 1: range(4), 2: range(4)})
    collection.recluster()
    anna = collection.cluster_of(faces[0][0])
    collection.people.name(str(anna), "Anna")
    collection.people.ignore(str(collection.cluster_of(faces[1][0])))
    came = collection.add_people({0: [50, 51], 1: [50], 2: [50], 9: [50]}, place=True)
    assert {collection.cluster_of(face) for face in came[0]} == {anna}
    assert collection.cluster_of(came[1][0]) == collection.cluster_of(faces[1][0])
    assert collection.cluster_of(came[2][0]) is None
    assert collection.cluster_of(came[9][0]) is None
    placed = clustered(collection.index)
    collection.recluster()
    assert clustered(collection.index).items() >= placed.items()
    assert collection.cluster_of(came[2][0]) == collection.cluster_of(faces[2][0])


def test_nothing_is_placed_where_nobody_is_known(collection):
    collection.add_people({0: range(4)})
    collection.recluster()
    run = collection.index.start_run("index")
    put(collection.index, run, replace(a_photo("/new", "new"), faces=(a_portrait(portrait(0, 50)),)))
    before = clustered(collection.index)
    assert place_new(collection.index, CALIBRATION) == 0
    assert clustered(collection.index) == before


def test_a_weak_face_may_join_and_weak_faces_may_be_somebody(collection):
    ids = collection.add(*([a_portrait(portrait(0, shot, 0.1), weak=True)] for shot in range(3)))
    weak = [face for (face,) in ids]
    collection.recluster()
    assert clustered(collection.index) == {}
    collection.people.import_name("Anna", weak[:2])
    came = collection.add([a_portrait(portrait(0, 50, 0.1))], [a_portrait(portrait(0, 51, 0.1), weak=True)], place=True)
    for (face,) in came:
        assert collection.cluster_of(face) == collection.people.find("Anna").id
    collection.recluster()
    assert set(weak) <= set(collection.people.find("Anna").face_ids)


def redo(collection: Collection, path: str, faces: tuple[Face, ...]) -> int:
    """Look at a photo again; returns how many faces found somebody by that."""
    run = collection.index.start_run("index")
    put(collection.index, run, replace(a_photo(path, path), faces=faces), redo=True)
    return place_new(collection.index, CALIBRATION)


def test_a_photo_that_is_looked_at_again_brings_back_nothing_that_was_decided_against(collection):
    collection.add_people({0: range(4), 1: range(4)})
    collection.recluster()
    collection.people.name("1", "Anna")
    collection.people.not_a_face(1)
    collection.people.reject(2, "Anna")
    before = clustered(collection.index)
    for shot in range(2):
        assert redo(collection, collection.paths[shot], (a_portrait(portrait(0, shot)),)) == 0
    assert clustered(collection.index) == before
    assert redo(collection, collection.paths[4], (a_portrait(portrait(1, 0)),)) == 0  # it is in a cluster of nobody
    assert redo(collection, collection.paths[2], (a_portrait(portrait(0, 2)),)) == 0  # it is in Anna's
    assert clustered(collection.index) == before


# -- decisions that contradict the faces ------------------------------------------------------------------------------


def test_a_face_confirmed_to_somebody_amid_the_faces_of_another(collection):
    faces = collection.add_people({0: range(6), 1: range(6)})
    collection.recluster()
    for person, name in ((0, "Anna"), (1, "Bela")):
        collection.people.name(str(collection.cluster_of(faces[person][0])), name)
    collection.people.split("Bela", [faces[1][:1]])
    collection.people.merge(["Anna", str(collection.cluster_of(faces[1][0]))])
    twin = collection.add(*([a_portrait(portrait(1, 0, blur))] for blur in (0.2201, 0.2202)))
    collection.recluster()
    assert set(collection.people.find("Anna").face_ids) >= {*faces[0], faces[1][0]}
    assert set(collection.people.find("Bela").face_ids) >= set(faces[1][1:])
    assert all(collection.cluster_of(face) is not None for (face,) in twin)


def test_a_person_split_into_parts_that_are_all_alike(collection):
    ids = collection.add(*([a_portrait(portrait(0, shot, 0.02))] for shot in range(6)))
    a, b, c, *rest = (face for (face,) in ids)
    collection.recluster()
    collection.people.split("1", [[a], [b, c]])
    for _ in range(2):
        collection.recluster()
        assert partition(collection.index) == {frozenset({a}), frozenset({b, c}), frozenset(rest)}
    (late,) = collection.add([a_portrait(portrait(0, 9, 0.02))], place=True)
    assert collection.cluster_of(late[0]) is not None


def test_one_picture_confirmed_to_two_people(collection):
    ids = collection.add(*([a_portrait(portrait(0, 0))] for _ in range(4)))
    first, second, *others = (face for (face,) in ids)
    collection.people.import_name("Anna", [first])
    collection.people.import_name("Bela", [second])
    collection.recluster()
    assert collection.cluster_of(first) != collection.cluster_of(second)
    assert {collection.cluster_of(face) for face in others} <= {None, *clustered(collection.index).values()}
    check(collection.index)
    found = clustered(collection.index)
    collection.recluster()
    assert clustered(collection.index) == found


def test_a_face_rejected_from_everybody(collection):
    faces = collection.add_people({person: range(4) for person in range(3)})
    collection.recluster()
    face = faces[0][0]
    for person in range(3):
        collection.people.reject(face, str(collection.cluster_of(faces[person][1])))
    collection.recluster()
    assert collection.cluster_of(face) is None
    assert face in collection.recluster().noise


@pytest.mark.parametrize("eps", [0.1, 0.5, 2.0])
def test_decisions_hold_under_plain_dbscan_too(collection, eps):
    from facesearch.people.clustering import recluster

    faces = collection.add_people({person: range(6 - person) for person in range(4)})
    collection.recluster()
    collection.people.name("1", "Anna")
    collection.people.name("2", "Bela")
    collection.people.reject(faces[2][0], "Anna")
    collection.people.not_a_face(faces[2][1])
    recluster(collection.index, None, eps=eps)
    check(collection.index)
    assert set(collection.people.find("Anna").face_ids) >= set(faces[0])
    assert (collection.people.find("Anna").id, collection.people.find("Bela").id) == (1, 2)


def test_a_library_without_faces(collection):
    found = collection.recluster()
    assert (found.clusters, found.noise) == ((), ())
    assert collection.people.all() == []
    assert collection.people.suggestions() == []
