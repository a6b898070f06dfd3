"""Who is in which photo, which clusters may be one person, and why a face is where it is."""

from collections.abc import Iterator

import numpy as np
import pytest
from people_samples import CALIBRATION, Collection, a_collection, a_portrait, portrait

from facesearch.core.errors import InputError
from facesearch.people import People
from facesearch.storage import Store

ANNA, BELA, CARL = range(3)


@pytest.fixture
def collection() -> Iterator[Collection]:
    with a_collection() as collection:
        yield collection


# -- photos -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clusters(collection: Collection) -> Collection:
    """Anna, Bela and Carl by themselves, and together in pictures 13 to 17."""
    faces = collection.add_people({person: range(4) for person in (ANNA, BELA, CARL)})

    def of(*who: int) -> list:
        return [a_portrait(portrait(person, 20 + len(who)), place) for place, person in enumerate(who)]

    collection.together = collection.add(of(ANNA, BELA), of(ANNA, BELA, CARL), of(ANNA, 9), of(BELA, ANNA, 8), [])
    collection.recluster()
    for person, name in ((ANNA, "Anna"), (BELA, "Bela"), (CARL, "Carl")):
        collection.people.name(str(collection.cluster_of(faces[person][0])), name)
    return collection


def numbers(collection: Collection, *names: str, **rest: object) -> list[int]:
    found = collection.people.photos(names, **rest)
    return sorted(int(photo.path.rpartition("/")[2].removesuffix(".jpg")) for photo in found)


@pytest.mark.parametrize(
    ("names", "rest", "expected"),
    [
        (["Anna", "Bela"], {}, [13, 14, 16]),
        (["Anna", "Bela"], {"only": True}, [13]),
        (["Anna", "Bela"], {"count": 3}, [14, 16]),
        (["Anna", "Bela"], {"count": 3, "only": True}, []),
        (["Anna", "Bela", "Carl"], {"only": True}, [14]),
        (["Anna"], {}, [1, 2, 3, 4, 13, 14, 15, 16]),
        (["Anna"], {"only": True}, [1, 2, 3, 4]),
        (["Anna", "anna"], {"only": True}, [1, 2, 3, 4]),
        ([], {"count": 2}, [13, 15]),
        ([], {}, list(range(1, 17))),
    ],
)
def test_photos_of_all_of_some_people(clusters, names, rest, expected):
    assert numbers(clusters, *names, **rest) == expected


def test_what_is_no_face_does_not_count(clusters):
    stranger = clusters.together[2][1]
    clusters.people.not_a_face(stranger)
    assert 15 in numbers(clusters, "Anna", only=True)
    (photo,) = [photo for photo in clusters.people.photos(["Anna"], only=True) if photo.path == "/photos/15.jpg"]
    assert photo.faces == 1
    assert [somebody.title for somebody in photo.people] == ["Anna"]


def test_a_photo_says_who_is_in_it(clusters):
    (photo,) = clusters.people.photos(["Anna", "Bela", "Carl"])
    assert {somebody.title for somebody in photo.people} == {"Anna", "Bela", "Carl"}
    assert photo.faces == 3


def test_photos_of_somebody_who_is_not_there(clusters):
    with pytest.raises(InputError, match="Dora"):
        clusters.people.photos(["Anna", "Dora"])


def test_the_faces_of_a_photo(clusters):
    assert clusters.people.faces_in("/photos/14.jpg") == clusters.together[1]
    with pytest.raises(InputError, match=r"/photos/99\.jpg"):
        clusters.people.faces_in("/photos/99.jpg")


# -- suggestions ------------------------------------------------------------------------------------------------------


def between(a: int, b: int, share: float) -> np.ndarray:
    vector = (1 - share) * portrait(a, 0, 0.0).astype(np.float64) + share * portrait(b, 0, 0.0)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.fixture
def doubtful(collection: Collection) -> Collection:
    """Three clusters of three in a row, the middle one nearer to the first; and strangers."""
    for place in (0.0, 0.7, 1.5):
        collection.add(*([a_portrait(between(0, 1, place + 0.01 * i))] for i in range(3)))
    collection.add_people({person: range(2) for person in range(56, 64)})
    collection.people.import_name("Anna", [1])
    collection.people.import_name("Bela", [4])
    collection.people.import_name("Carl", [7])
    collection.recluster()
    assert [len(collection.people.find(name).face_ids) for name in ("Anna", "Bela", "Carl")] == [3, 3, 3]
    return collection


def asked(collection: Collection) -> list[tuple[str, str]]:
    return [(pair.a.title, pair.b.title) for pair in collection.people.suggestions(100)]


def test_suggestions_are_nearest_first_and_as_far_apart_as_they_say(doubtful):
    found = doubtful.people.suggestions(100)
    assert asked(doubtful)[:2] == [("Anna", "Bela"), ("Bela", "Carl")]
    assert [pair.distance for pair in found] == sorted(pair.distance for pair in found)
    for pair in found[:2]:
        a, b = (
            np.stack([doubtful.index.embedding(face) for face in doubtful.people.find(who.title).face_ids])
            for who in (pair.a, pair.b)
        )
        true = np.sqrt(((a[:, None].astype(np.float64) - b[None]) ** 2).sum(axis=2).mean())
        assert pair.distance == pytest.approx(true, abs=1e-4)
        assert pair.probability == pytest.approx(float(CALIBRATION.probability(pair.distance)))
    assert doubtful.people.suggestions(1) == found[:1]


def test_each_pair_is_asked_once(doubtful):
    pairs = [frozenset((pair.a.id, pair.b.id)) for pair in doubtful.people.suggestions(100)]
    assert len(set(pairs)) == len(pairs)
    assert all(len(pair) == 2 for pair in pairs)


def test_what_was_answered_is_not_asked_again(doubtful):
    doubtful.people.keep_apart("Anna", "Bela")
    assert ("Anna", "Bela") not in asked(doubtful)
    doubtful.people.merge(["Bela", "Carl"])
    assert not {("Bela", "Carl"), ("Anna", "Bela")} & set(asked(doubtful))
    doubtful.recluster()
    assert not {("Bela", "Carl"), ("Anna", "Bela")} & set(asked(doubtful))
    doubtful.people.undo()
    doubtful.people.undo()
    assert ("Anna", "Bela") in asked(doubtful)


def test_what_was_split_is_not_asked_about(doubtful):
    doubtful.people.split("Anna", [[2]])
    cluster = f"cluster {doubtful.cluster_of(2)}"
    assert not {("Anna", cluster), (cluster, "Anna")} & set(asked(doubtful))


def test_nobody_is_asked_about_the_ignored(doubtful):
    doubtful.people.ignore("Bela")
    assert "Bela" not in {title for pair in asked(doubtful) for title in pair}


def test_a_person_of_one_face_is_asked_about(doubtful):
    for face in (2, 3):
        doubtful.people.not_a_face(face)
    assert ("Bela", "Anna") in asked(doubtful)


# -- explanations -----------------------------------------------------------------------------------------------------


def why(collection: Collection, face: int) -> str:
    return collection.people.explain(face).why


def test_before_any_clustering(collection):
    ((face,),) = collection.add([a_portrait(portrait(0, 0))])
    assert "`facesearch cluster`" in why(collection, face)
    assert collection.people.explain(face).neighbours == ()


def test_a_face_in_a_cluster(collection):
    faces = collection.add_people({person: range(3) for person in range(3)})[0]
    collection.recluster()
    found = collection.people.explain(faces[0], k=4)
    own, *others = (collection.index.embedding(face).astype(np.float64) for face in faces)
    true = np.sqrt(np.mean([((own - other) ** 2).sum() for other in others]))
    assert f"{true:.3f}" in found.why
    assert (found.weak, found.face.confirmed, found.face.person) == ("", False, None)
    assert found.face.box[2] - found.face.box[0] == pytest.approx(120)
    assert {near.face.id for near in found.neighbours[:2]} == set(faces[1:])
    assert len(found.neighbours) == 4
    assert [near.distance for near in found.neighbours] == sorted(near.distance for near in found.neighbours)
    for near in found.neighbours:
        assert near.probability == pytest.approx(float(CALIBRATION.probability(near.distance)))
        assert near.face.cluster == collection.cluster_of(near.face.id)


def test_what_the_user_has_said(collection):
    faces = collection.add_people({person: range(3) for person in range(2)})
    collection.recluster()
    cluster = collection.cluster_of(faces[0][0])
    collection.people.name(str(cluster), "Anna")
    collection.people.not_a_face(faces[1][0])
    found = collection.people.explain(faces[0][0])
    assert f"cluster {cluster}" in found.why
    assert (found.face.confirmed, found.face.person.name) == (True, "Anna")
    assert {near.face.person.name for near in found.neighbours[:2]} == {"Anna"}
    assert "not a face" in why(collection, faces[1][0])


def test_what_only_ignore_has_confirmed_is_not_put_into_peoples_mouths(collection):
    faces = collection.add_people({0: range(3)})[0]
    collection.recluster()
    cluster = collection.cluster_of(faces[0])
    collection.people.ignore(str(cluster))
    assert why(collection, faces[0]) == f"It is confirmed: a decision has put it to cluster {cluster} for good."


def nearest_cluster(collection: Collection, face: int) -> tuple[int, float]:
    """By its root mean square distance to a face, with that distance."""
    own = collection.index.embedding(face).astype(np.float64)
    distances = {}
    for cluster in collection.people.with_faces():
        others = np.stack([collection.index.embedding(other) for other in cluster.face_ids if other != face])
        distances[cluster.id] = float(np.sqrt(((others - own) ** 2).sum(axis=1).mean()))
    return min(distances.items(), key=lambda item: item[1])


def test_a_face_alone(collection):
    collection.add_people({person: range(3) for person in range(2)})
    ((stranger, small),) = collection.add([a_portrait(portrait(7, 0)), a_portrait(portrait(8, 0), 1, weak=True)])
    assert "`facesearch cluster`" in why(collection, stranger)
    collection.recluster()
    number, distance = nearest_cluster(collection, stranger)
    assert f"cluster {number}" in why(collection, stranger)
    assert f" {distance:.3f} " in why(collection, stranger)
    assert "`facesearch cluster`" not in why(collection, stranger)
    weak = collection.people.explain(small).weak
    assert "30 pixels" in weak
    assert weak in why(collection, small)
    assert f"cluster {nearest_cluster(collection, small)[0]}" in why(collection, small)


def test_a_face_that_waits(collection):
    collection.add_people({person: range(3) for person in range(2)})
    collection.recluster()
    ((late,),) = collection.add([a_portrait(portrait(0, 50))])
    assert "`facesearch cluster`" in why(collection, late)
    assert f"cluster {nearest_cluster(collection, late)[0]}" in why(collection, late)
    collection.recluster()
    assert "`facesearch cluster`" not in why(collection, late)


def test_a_face_that_is_not_whom_it_is_nearest_to(collection):
    faces = collection.add_people({person: range(4) for person in range(2)})
    collection.recluster()
    anna, bela = (collection.cluster_of(faces[person][0]) for person in range(2))
    collection.people.name(str(anna), "Anna")
    collection.people.reject(faces[0][0], "Anna")
    text = why(collection, faces[0][0])
    assert "Anna" in text
    assert f"cluster {bela}" in text
    assert "within" in text  # how near a face has to be
    collection.people.reject(faces[0][0], str(bela))
    text = why(collection, faces[0][0])
    assert "Anna" in text
    assert f"cluster {bela}" in text
    assert "within" not in text  # there is no other cluster that it could join


def test_the_last_of_a_cluster(collection):
    faces = collection.add_people({person: range(2) for person in range(2)})[0]
    collection.recluster()
    collection.remove("/photos/2.jpg")
    assert f"cluster {collection.cluster_of(faces[0])}" in why(collection, faces[0])


def test_without_a_calibration(collection):
    faces = collection.add_people({0: range(3)})[0]
    collection.recluster()
    people = People(collection.index, lambda: None)
    found = people.explain(faces[0])
    assert "no calibration" in found.why
    assert {near.probability for near in found.neighbours} == {None}
    for ask in (people.suggestions, lambda: people.divide("1")):
        with pytest.raises(InputError, match="`facesearch calibrate FOLDER`"):
            ask()


def test_a_face_that_is_not_there(collection):
    with pytest.raises(InputError):
        collection.people.explain(1)


# -- a stricter look --------------------------------------------------------------------------------------------------


def test_a_stricter_look_divides_two_who_were_put_together(collection):
    one = [f for (f,) in collection.add(*([a_portrait(portrait(0, shot, 0.05))] for shot in range(5)))]
    other = [f for (f,) in collection.add(*([a_portrait(portrait(1, shot, 0.05))] for shot in range(3)))]
    collection.people.import_name("Anna", [*one, *other])
    collection.people.divide("Anna")
    assert collection.people.find("Anna").face_ids == tuple(one)
    assert collection.people.find(str(collection.cluster_of(other[0]))).face_ids == tuple(other)


def test_a_stricter_look_at_one_person(collection):
    collection.add(*([a_portrait(portrait(0, shot, 0.02))] for shot in range(5)))
    collection.recluster()
    with pytest.raises(InputError, match="--face"):
        collection.people.divide("1")


# -- while another process removes photos -----------------------------------------------------------------------------


def test_a_cluster_that_goes_meanwhile_takes_its_own_pairs_along_and_no_others(clusters, monkeypatch):
    known = clusters.people.all()
    anna, bela, carl = (next(one for one in known if one.title == name) for name in ("Anna", "Bela", "Carl"))
    pairs = [(anna, bela, 0.5), (anna, carl, 0.6), (bela, carl, 0.7)]
    monkeypatch.setattr("facesearch.people.people.suggest", lambda *_: pairs)
    faces = Store.faces
    monkeypatch.setattr(Store, "faces", lambda self, ids: faces(self, [i for i in ids if i != anna.cover.id]))
    assert [(one.a.title, one.b.title) for one in clusters.people.suggestions()] == [("Bela", "Carl")]


def test_a_photo_that_goes_meanwhile_is_left_out(clusters, monkeypatch):
    faces_of = Store.faces_of_photos
    monkeypatch.setattr(Store, "faces_of_photos", lambda self, ids: faces_of(self, ids) | {ids[0]: []})
    assert numbers(clusters, "Anna", only=True) == [2, 3, 4]
