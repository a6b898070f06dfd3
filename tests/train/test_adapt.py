"""`facesearch adapt`: who takes part, how a gain is measured and judged."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from people_samples import CALIBRATION, PEOPLE_SPEC, Collection, a_portrait, portrait
from PIL import Image

from facesearch.clustering import Faces, cluster_faces
from facesearch.core.errors import InputError
from facesearch.core.settings import FLOAT32
from facesearch.core.types import Face
from facesearch.embedding import load_embedder, resolve
from facesearch.evaluation import bcubed_scores, tar_at_far
from facesearch.storage import Store
from train.adapt.figures import (
    BCubedF,
    Change,
    Figure,
    Fnir,
    HeldOutFaces,
    Interval,
    Tar,
    compared,
    figures_of,
    mean_tar,
)
from train.adapt.learning import Whole, part_to_train
from train.adapt.people import OwnFace, events_of, own_faces
from train.adapt.run import judged
from train.adapt.splitting import MIN_FACES, MIN_HELD_OUT, MIN_PEOPLE, split
from train.config import NetworkConfig, Recipe
from train.dataset import FaceImage, FaceSet
from train.distributed import Ranks
from train.looking import WIDE
from train.starting import start
from train.trainer import Trainer

# --- whose faces


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    store = Store.create(tmp_path / "library", PEOPLE_SPEC)
    yield Collection(store)
    store.close()


def test_only_good_confirmed_faces_of_named_people_count(collection: Collection) -> None:
    ids = collection.add_people({0: range(4), 1: range(3), 2: range(3), 3: range(3), 4: range(2)})
    people = collection.people
    people.import_name("Ada", ids[0])
    people.import_name("Twin", ids[2])
    people.import_name("Twice", ids[3])
    people.import_name("Ben", ids[4])
    later = collection.add([a_portrait(portrait(0, 9))], [a_portrait(portrait(0, 10), weak=True)])
    people.assign(later[1], "Ada")  # confirmed, and too small
    people.reject([ids[0][0]], "Ada")
    people.not_a_face([ids[4][1]])
    people.name("Twice", "Twin")  # two people of one name
    found = own_faces(collection.index)
    assert [own.face.id for own in found] == [*ids[0][1:], ids[4][0]]
    assert len({own.person for own in found}) == 2


def test_photos_of_a_day_are_an_event_and_so_are_those_of_a_folder_that_shows_several_people() -> None:
    seen = [(photo, f"/a/{photo}.jpg", photo % 2) for photo in range(3)]  # one folder, two people
    seen += [(photo, f"/ada/{photo}.jpg", 5) for photo in range(3, 6)]  # a folder of one person
    seen += [(photo, f"/b{photo}/x.jpg", 6) for photo in range(6, 9)]  # three folders, one day
    seen += [(photo, f"/c{photo}/x.jpg", 7) for photo in range(9, 16)]
    events = events_of(seen, {6: "2020-05-01", 7: "2020-05-01", 8: "2020-05-01"})
    assert events[0] == events[1] == events[2]
    assert len({events[3], events[4], events[5]}) == 3
    assert events[6] == events[7] == events[8]
    assert len(set(events.values())) == 1 + 3 + 1 + 7


def test_a_folder_or_a_day_with_most_photos_is_no_event() -> None:
    seen = [(photo, f"/all/{photo}.jpg", photo % 3) for photo in range(8)]
    assert len(set(events_of(seen, {}).values())) == 8
    assert len(set(events_of(seen, dict.fromkeys(range(8), "2001-01-01")).values())) == 8


# --- who learns and who is held out


def people_of(people: int, faces: int, events: Callable[[int, int], int] | None = None) -> list[OwnFace]:
    """So many people with so many faces each, on events of their own unless said otherwise."""
    event = events or (lambda person, face: person * faces + face)
    return [
        OwnFace(Face((0, 0, 1, 1), id=1 + person * faces + face), person, event(person, face))
        for person in range(people)
        for face in range(faces)
    ]


def test_a_third_is_held_out_and_a_quarter_of_the_rest_chooses() -> None:
    faces = people_of(60, 20)
    parts = split(faces, seed=0)
    people = [{own.person for own in part} for part in (parts.learn, parts.choose, parts.held_out)]
    assert [len(some) for some in people] == [30, 10, 20]
    assert len(set.union(*people)) == 60
    assert split(faces, seed=0) == parts
    assert split(faces, seed=1) != parts


def test_no_event_is_on_two_sides() -> None:
    """Each third photo of everybody is of a party with two others."""
    faces = people_of(60, 9, lambda person, face: 10_000 + person // 3 if face % 3 == 0 else person * 9 + face)
    parts = split(faces, seed=3)
    several = (parts.learn, parts.choose, parts.held_out)
    events = [{own.event for own in part} for part in several]
    assert sum(map(len, events)) == len(set.union(*events))
    assert sum(map(len, several)) < len(faces)  # whoever was on the wrong side of a party is left out there
    assert {own.event for own in faces} == set.union(*events)


def test_people_with_few_faces_or_one_event_do_not_take_part() -> None:
    faces = people_of(40, 12)
    few = [replace(own, person=1000) for own in people_of(1, MIN_FACES - 1)]
    party = [replace(own, person=1001, event=77_777) for own in people_of(1, 30)]
    parts = split([*faces, *few, *party], seed=0)
    assert {own.person for part in (parts.learn, parts.choose, parts.held_out) for own in part} == set(range(40))


def test_of_a_person_with_many_faces_some_are_taken() -> None:
    parts = split(people_of(30, 200), seed=0)
    assert {sum(own.person == person for own in parts.learn) for person in {own.person for own in parts.learn}} == {60}


def test_too_few_people_or_faces_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(InputError, match=f"{MIN_PEOPLE} named people with {MIN_FACES} .* here are {MIN_PEOPLE - 1}:"):
        split(people_of(MIN_PEOPLE - 1, 30), seed=0)
    with pytest.raises(InputError, match=f"{MIN_HELD_OUT} faces or more .* here are 32:"):
        split(people_of(MIN_PEOPLE, MIN_FACES), seed=0)


# --- figures


def made_up(people: int = 12, shots: int = 10, blur: float = 0.22) -> tuple[np.ndarray[Any, Any], HeldOutFaces]:
    vectors = np.stack([portrait(person, shot, blur) for person in range(people) for shot in range(shots)])
    whose, each = np.repeat(np.arange(people), shots), np.arange(people * shots)
    return vectors, HeldOutFaces(whose, each, each, np.zeros(len(each)))


def test_where_everybody_counts_once_the_figures_are_those_of_the_evaluation() -> None:
    vectors, faces = made_up(blur=0.5)
    once = np.ones(12)
    rows, columns = np.triu_indices(len(vectors), 1)
    distances, same = np.linalg.norm(vectors[rows] - vectors[columns], axis=1), faces.same[rows, columns]
    tar = tar_at_far(distances, same, 1e-3)
    assert 0.1 < tar < 0.9
    assert Tar(vectors, faces).at(once) == pytest.approx(tar, abs=1e-3)
    labels = cluster_faces(Faces(vectors, faces.photos, faces.excess), CALIBRATION)
    expected = bcubed_scores(faces.people, labels).f
    assert BCubedF(vectors, faces, CALIBRATION).at(once) == pytest.approx(expected)


def test_searches_by_hand() -> None:
    """Angles on a circle: 0 and 11 are one person, 20 and 60 another, 90 and 200 a third."""
    angles = np.radians([0, 11, 20, 60, 90, 200])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    people = np.array([0, 0, 1, 1, 2, 2])
    faces = HeldOutFaces(people, np.arange(6), np.arange(6), np.zeros(6))
    # of six searches for strangers none may be answered: the nearest two are 9 degrees apart, one's own face is farther
    assert Fnir(vectors, faces).at(np.ones(3)) == 1.0
    nearer = np.radians([0, 8, 20, 60, 90, 200])
    vectors = np.stack([np.cos(nearer), np.sin(nearer)], axis=1).astype(np.float32)
    assert Fnir(vectors, faces).at(np.ones(3)) == pytest.approx(4 / 6)
    assert Fnir(vectors, faces).at(np.array([1.0, 0.0, 0.0])) == 0.0


def test_two_faces_of_one_event_are_no_pair_and_no_answer() -> None:
    vectors, faces = made_up(people=4, shots=2)
    together = replace(faces, events=faces.people)
    assert Fnir(vectors, faces).at(np.ones(4)) < 1
    assert Fnir(vectors, together).at(np.ones(4)) == 1  # nobody has another face to be found by
    half = replace(faces, events=np.where(faces.people < 2, faces.people, 100 + faces.events))
    assert Tar(vectors, half).at(np.array([1.0, 1.0, 0.0, 0.0])) == 0  # pairs of the first two do not count
    assert mean_tar(vectors, half) == 1


def test_the_same_embedder_has_gained_nothing_and_a_better_one_has() -> None:
    vectors, faces = made_up(blur=0.45)
    better, _ = made_up(blur=0.3)
    first, second = (figures_of(some, faces, CALIBRATION) for some in (vectors, better))
    assert {change.gain for change in compared(first, first, 12).values()} == {Interval(0.0, 0.0, 0.0)}
    changes = compared(first, second, 12)
    assert all(change.is_better and not change.is_worse for change in changes.values())
    assert changes["fnir"].after.value < changes["fnir"].before.value
    back = compared(second, first, 12)
    assert all(change.is_worse and not change.is_better for change in back.values())
    assert compared(first, second, 12) == changes  # drawn alike


def test_resampling_draws_people_not_faces() -> None:
    """All errors are one person's: draws without them have none, draws with them twice have twice as many."""

    class OneFails:
        def at(self, times: np.ndarray[Any, Any]) -> float:
            return float(1 - times[0] / times.sum())

    failing: dict[str, Figure] = dict.fromkeys(("tar", "fnir", "bcubed_f"), OneFails())
    change = compared(failing, failing, 10)["tar"]
    assert change.before.value == 0.9
    assert (change.before.high, change.before.low) == (1.0, pytest.approx(0.7, abs=0.11))


# --- the verdict


def change(low: float, high: float) -> Change:
    nothing = Interval(0.5, 0.4, 0.6)
    return Change(nothing, nothing, Interval((low + high) / 2, low, high))


@pytest.mark.parametrize(
    ("tar", "fnir", "bcubed", "kept", "why"),
    [
        ((0.01, 0.05), (-0.01, 0.02), (-0.02, 0.01), True, "TAR at FAR 1e-3 surely better"),
        ((0.0, 0.05), (0.01, 0.02), (0.01, 0.02), False, "the gain in TAR at FAR 1e-3 may be chance"),
        ((-0.01, 0.05), (0.01, 0.02), (0.01, 0.02), False, "may be chance"),
        ((0.01, 0.05), (-0.03, -0.01), (0.01, 0.02), False, "FNIR at FPIR 1 % surely worse"),
        ((0.01, 0.05), (0.01, 0.02), (-0.03, -0.001), False, "BCubed F of clusters surely worse"),
    ],
)
def test_kept_only_if_surely_better_and_nowhere_surely_worse(
    tar: tuple[float, float], fnir: tuple[float, float], bcubed: tuple[float, float], kept: bool, why: str
) -> None:
    verdict = judged({"tar": change(*tar), "fnir": change(*fnir), "bcubed_f": change(*bcubed)})
    assert verdict[0] is kept
    assert why in verdict[1]
    assert not judged({"tar": change(*tar), "fnir": change(*fnir), "bcubed_f": change(*bcubed)}, share=0.0)[0]


def test_of_a_combination_sface_is_trained() -> None:
    assert part_to_train("sface+dlib") == "sface"
    assert part_to_train("/a/adapted-1.safetensors+dlib") == "/a/adapted-1.safetensors"
    assert part_to_train("dlib") == "dlib"
    assert part_to_train("/a/mine.safetensors") == "/a/mine.safetensors"


def test_of_a_combination_the_embedding_is_the_products(tmp_path: Path) -> None:
    spec = resolve("sface+dlib", FLOAT32)
    generator = np.random.default_rng(0)
    (tmp_path / "p").mkdir()
    images = []
    for number in range(3):
        blocks = generator.integers(0, 256, (7, 7, 3), np.uint8)
        path = tmp_path / "p" / f"{number}.png"
        Image.fromarray(blocks).resize((224, 224), Image.Resampling.BICUBIC).save(path)
        images.append(FaceImage(path, "p", WIDE.landmarks))
    network = NetworkConfig(start="sface")
    trainer = Trainer(Recipe(network), *start(network, 0), Ranks(torch.device("cpu")))
    whole = Whole(spec, trainer)
    crops = whole.crops(FaceSet(tuple(images)))
    expected = load_embedder(spec, "cpu").embed(crops.pixels)
    np.testing.assert_allclose(whole.embed(whole.start, crops), expected, atol=2e-4)
    np.testing.assert_array_equal(whole.embed(whole.start, crops.take([2])), whole.embed(whole.start, crops)[2:])
    other = {name: value + 0.01 for name, value in whole.start.items()}
    assert np.abs(whole.embed(other, crops) - expected)[:, :128].max() < 2e-4  # dlib's
    assert np.abs(whole.embed(other, crops) - expected)[:, 128:].max() > 1e-2
