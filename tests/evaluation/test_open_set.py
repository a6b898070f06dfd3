"""Open-set identification on a library of made-up people, through the library's own search."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from index_samples import a_photo, put
from people_samples import CALIBRATION, PEOPLE_SPEC, a_portrait, portrait

from facesearch.evaluation import open_set as module
from facesearch.evaluation.open_set import Labelled, open_set
from facesearch.library import Library
from facesearch.storage import Store

PEOPLE, PHOTOS, DRAWS = 12, 11, 1


def filled(folder: Path) -> list[Labelled]:
    """Eleven photos of each of twelve people."""
    store = Store.create(folder, PEOPLE_SPEC)
    run = store.start_run("index")
    faces = []
    for person in range(PEOPLE):
        for shot in range(PHOTOS):
            path, vector = f"/photos/{person}-{shot}.jpg", portrait(person, shot)
            put(store, run, replace(a_photo(path, path), faces=(a_portrait(vector),)))
            faces.append(Labelled(path, f"person {person}", a_portrait(vector)))
    store.close()
    return faces


@pytest.fixture(scope="module", autouse=True)
def _one_draw() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "DRAWS", DRAWS)
        yield


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("searched")
    faces = filled(folder)
    with Library(folder) as library:
        library.use_calibration(replace(CALIBRATION, fingerprint=PEOPLE_SPEC.fingerprint))
        return open_set(library, faces, [Labelled("", "nobody", a_portrait(portrait(500 + i, 0))) for i in range(30)])


def test_libraries_of_fewer_and_fewer_people_clustered_and_not(figures: dict[str, Any]) -> None:
    sizes = [f"{people} people, {state}" for people in (8, 4, 2) for state in ("not clustered", "clustered")]
    assert [key for key in figures if "people" in key] == sizes
    for key, people in zip(sizes, (8, 8, 4, 4, 2, 2), strict=True):
        assert figures[key]["faces_searched"] == 9 * people
        assert figures[key]["searches"] == DRAWS * 2 * people
        assert figures[key]["searches_for_strangers"] == DRAWS * (4 * PHOTOS + 30)


def test_people_are_found_and_strangers_are_not(figures: dict[str, Any]) -> None:
    for key in ("8 people, not clustered", "8 people, clustered"):
        assert figures[key]["rank_1"] == 1
        assert figures[key]["fnir"] <= 0.1
        assert figures[key]["fpir"] <= 0.02
    assert figures["relied_on"]["answers"] > 100
    assert figures["relied_on"]["wrong"] <= 0.03


def test_reliability_counts_every_answer_once(figures: dict[str, Any]) -> None:
    searches = sum(
        value["searches"] + value["searches_for_strangers"] for key, value in figures.items() if "people" in key
    )
    rows = figures["reliability"]
    assert sum(row["answers"] for row in rows) == searches
    for row in rows:
        assert row["from"] <= row["said"] <= 1


def test_wrong_labels_show(tmp_path: Path) -> None:
    """If nobody's photos are labelled right, nobody is found."""
    faces = filled(tmp_path)
    turned = [replace(face, person=faces[(i * 37) % len(faces)].person) for i, face in enumerate(faces)]
    with Library(tmp_path) as library:
        library.use_calibration(replace(CALIBRATION, fingerprint=PEOPLE_SPEC.fingerprint))
        found = open_set(library, turned)
    assert found["8 people, clustered"]["fnir"] > 0.5
    assert found["relied_on"]["wrong"] > 0.3
