"""Measuring a model on labelled photos: calibration, identification and clusters."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import FAKE_SPEC
from labelled_samples import save_people
from PIL import Image

from facesearch.calibration import Calibration
from facesearch.core.errors import InputError
from facesearch.evaluation import accuracy, calibrate, calibrate_named, measured_calibration
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store, persons

Demo = tuple[Path, dict[str, tuple[str, ...]]]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_people(tmp_path_factory.mktemp("people"), 15, 6)


@pytest.fixture
def library(tmp_path: Path, fake_pipeline: Pipeline) -> Iterator[Library]:
    Store.create(tmp_path / "library", FAKE_SPEC).close()
    with Library(tmp_path / "library") as library:
        library.__dict__["pipeline"] = fake_pipeline
        yield library


def test_calibration_separates_people_from_strangers(people: Path, fake_pipeline: Pipeline) -> None:
    ticks: list[tuple[int, int]] = []
    calibration = measured_calibration(fake_pipeline, people, lambda done, total: ticks.append((done, total)))
    assert (calibration.model, calibration.fingerprint) == ("fake", FAKE_SPEC.fingerprint)
    assert calibration.made_from.same_pairs == 15 * 15
    assert calibration.made_from.different_pairs == 90 * 84 // 2
    assert calibration.made_from.dataset.endswith("90 photos of 15 people")
    assert calibration.probability(0.0) > 0.9
    assert calibration.probability(1.5) < 0.1
    assert 0 < calibration.threshold(1e-2) < 1.5
    assert ticks == [(i, 90) for i in range(1, 91)]


def test_library_uses_its_own_calibration_from_then_on(library: Library, people: Path) -> None:
    assert library.calibration is None
    made = calibrate(library, people)
    assert library.calibration == made
    with Library(library.folder) as again:
        assert again.calibration == made
        assert again.status().threshold == made.threshold()


def test_a_calibration_measures_searches_where_there_are_people_enough(
    people: Path, tmp_path: Path, fake_pipeline: Pipeline
) -> None:
    made = measured_calibration(fake_pipeline, people)
    assert made.identification is not None
    assert made.identification.made_from is not None
    assert made.identification.made_from.dataset == made.made_from.dataset
    few = measured_calibration(fake_pipeline, save_people(tmp_path / "few", 8, 8))
    assert few.identification is None


def test_people_are_left_out(people: Path, fake_pipeline: Pipeline) -> None:
    made = measured_calibration(fake_pipeline, people, without=["person 3", "person 1"])
    assert made.made_from.dataset.endswith("78 photos of 13 people")
    assert "without the folders person 1, person 3" in made.made_from.how
    with pytest.raises(InputError, match="no photos of nobody"):
        measured_calibration(fake_pipeline, people, without=["nobody"])


def test_named_people_calibrate_their_own_library(library: Library, people: Path) -> None:
    library.index([people])
    with library.store.reading() as connection:
        assert not persons.named(connection)
    with pytest.raises(InputError, match="0 named people"):
        calibrate_named(library)
    ids = {face.id: Path(face.path).parent.name for face in library.store.faces(library.store.embeddings()[0].tolist())}
    for name in sorted(set(ids.values())):
        library.people.import_name(name, [face for face, person in ids.items() if person == name])
    made = calibrate_named(library)
    assert library.calibration == made
    assert made.made_from.dataset.endswith("90 confirmed faces of 15 people")
    assert made.made_from.same_pairs == 15 * 15
    assert made.identification is not None


def test_calibration_of_another_model_is_not_used(library: Library, people: Path) -> None:
    calibrate(library, people)
    path = library.folder / "calibration.json"
    other = Calibration.from_json(path.read_text()).to_json().replace(FAKE_SPEC.fingerprint, "0" * 16)
    path.write_text(other)
    with Library(library.folder) as again:
        assert again.calibration is None


def test_photos_without_a_face_and_unreadable_ones_are_left_out(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    folder = save_people(tmp_path / "people", 15, 6)
    Image.new("RGB", (64, 64)).save(folder / "person 0/black.png")
    (folder / "person 1/bad.png").touch()
    (folder / "person 2/half.png").write_bytes((folder / "person 2/0.png").read_bytes()[:100])
    (folder / "loose.png").write_bytes((folder / "person 0/0.png").read_bytes())
    made = measured_calibration(fake_pipeline, folder).made_from
    assert made.dataset.endswith("90 photos of 15 people")
    assert "(left out: 1 without a face, 2 unreadable)" in made.how


def test_a_photo_in_the_folders_of_two_people_is_left_out_and_counted(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    """As `export --to FOLDER --copy` makes them of group photos: one face would be two strangers at distance 0."""
    folder = save_people(tmp_path / "people", 15, 6)
    plain = measured_calibration(fake_pipeline, folder)
    for one, two in ((0, 1), (2, 3), (4, 5)):
        shutil.copy(folder / f"person {one}/0.png", folder / f"person {two}/together.png")
    shutil.copy(folder / "person 6/0.png", folder / "person 6/again.png")  # of one person twice: nothing is wrong
    made = measured_calibration(fake_pipeline, folder)
    assert "6 in the folders of several people" in made.made_from.how
    assert made.made_from.dataset.endswith("88 photos of 15 people")
    assert made.threshold(1e-2) == pytest.approx(plain.threshold(1e-2), abs=0.05)


@pytest.mark.parametrize(
    ("people", "photos", "complaint"), [(0, 0, "two"), (1, 5, "two"), (5, 1, "two"), (3, 3, "100")]
)
def test_folders_that_cannot_be_measured(
    people: int, photos: int, complaint: str, tmp_path: Path, fake_pipeline: Pipeline
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    save_people(folder, people, photos)
    with pytest.raises(InputError, match=complaint):
        measured_calibration(fake_pipeline, folder)


def test_no_such_folder_and_no_faces(tmp_path: Path, fake_pipeline: Pipeline) -> None:
    with pytest.raises(InputError):
        measured_calibration(fake_pipeline, tmp_path / "none")
    for side, name in enumerate(("a/1.png", "a/2.png", "b/1.png"), start=64):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (side, side)).save(tmp_path / name)
    with pytest.raises(InputError, match="3 photos"):
        measured_calibration(fake_pipeline, tmp_path)


def test_clusters_of_the_demo_collection(demo: Demo, pipeline_at_hand: None) -> None:
    """Photos of both people are left out of the labels: their main face is neither's for sure."""
    labels = demo[0].parent / "one-each.csv"
    single = {name: shown[0] for name, shown in demo[1].items() if len(shown) == 1}
    labels.write_text("photo,person\n" + "".join(f"{name},{person}\n" for name, person in single.items()))
    ticks: list[tuple[int, int]] = []
    result = accuracy.clusters(demo[0], labels, None, "cpu", lambda *tick: ticks.append(tick))
    assert (result["model"], result["photos"], result["photos_with_a_face"]) == ("sface+dlib", 27, 24)
    assert result["main_faces"]["pairwise"] == {"precision": 1.0, "recall": 1.0, "f": 1.0}
    assert result["main_faces"]["bcubed"] == {"precision": 1.0, "recall": 1.0, "f": 1.0}
    assert result["rank_1"] == 1.0
    assert ticks[-1] == (27, 27)
    json.dumps(result)


def test_clusters_of_a_folder_behind_a_link(demo: Demo, tmp_path: Path, pipeline_at_hand: None) -> None:
    """The people's folders are found by their resolved paths, as on systems where the temporary folder is a link."""
    for name, shown in demo[1].items():
        if name.endswith(("soft.jpg", "close-up.png")):
            (tmp_path / "real" / shown[0]).mkdir(parents=True, exist_ok=True)
            (tmp_path / "real" / shown[0] / name).write_bytes((demo[0] / name).read_bytes())
    (tmp_path / "link").symlink_to(tmp_path / "real")
    result = accuracy.clusters(tmp_path / "link", None, None, "cpu", lambda *_: None)
    assert result["photos_with_a_face"] == 4
    assert result["main_faces"]["bcubed"]["f"] == 1.0
    assert result["rank_1"] is None  # all four are the gallery, and nobody is left to ask about


def test_clusters_without_labels(demo: Demo, tmp_path: Path, pipeline_at_hand: None) -> None:
    (tmp_path / "labels.csv").write_text("photo,person\nelse.jpg,Somebody\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes((demo[0] / "grace-hopper-soft.jpg").read_bytes())
    with pytest.raises(InputError, match="--labels"):
        accuracy.clusters(tmp_path / "photos", tmp_path / "labels.csv", None, "cpu", lambda *_: None)


def test_verification_protocol(demo: Demo, tmp_path: Path, pipeline_at_hand: None) -> None:
    for person, name in (("Hopper", "grace-hopper"), ("Collins", "eileen-collins")):
        (tmp_path / person).mkdir()
        for number, variation in enumerate(("soft.jpg", "close-up.png"), start=1):
            image = Image.open(demo[0] / f"{name}-{variation}").convert("RGB")
            image.save(tmp_path / person / f"{person}_{number:04}.jpg")
    Image.new("RGB", (100, 100)).save(tmp_path / "Hopper/Hopper_0003.jpg")

    def measured(*pairs: str) -> dict[str, Any]:
        (tmp_path / "pairs.txt").write_text("\n".join(["2\t1", *pairs]) + "\n")
        return accuracy.verification(tmp_path, tmp_path / "pairs.txt", None, "cpu", lambda *_: None)

    different = ("Hopper\t1\tCollins\t1", "Hopper\t2\tCollins\t2")
    result = measured("Hopper\t1\t2", different[0], "Collins\t1\t2", different[1])
    assert (result["model"], result["pairs"], result["images"]) == ("sface+dlib", 4, 4)
    assert (result["accuracy_mean"], result["auc"], result["images_without_face"]) == (1.0, 1.0, 0)
    assert result["tar_at_far"] == {"0.001": 1.0, "0.01": 1.0}
    json.dumps(result)
    result = measured("Hopper\t1\t3", different[0], "Collins\t1\t2", different[1])
    assert (result["images_without_face"], result["pairs_with_missing_face"], result["pairs"]) == (1, 1, 4)
    assert result["accuracy_mean"] < 1.0


def test_results_are_added_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    accuracy.merge_into(path, {"a": 1, "b": 1})
    accuracy.merge_into(path, {"b": 2})
    assert json.loads(path.read_text()) == {"a": 1, "b": 2}
    for text in ("{", "[]", "\udcff".encode(errors="surrogateescape")):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(InputError, match=r"results\.json"):
            accuracy.merge_into(path, {"a": 1})
    with pytest.raises(InputError):
        accuracy.merge_into(tmp_path / "none/results.json", {})


@pytest.mark.usefixtures("pipeline_at_hand")
def test_a_labelled_photo_without_a_face_counts_as_an_error(demo: Demo, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("grace-hopper-soft.jpg", "grace-hopper-mirrored.gif", "gradient.jpg"):
        shutil.copy(demo[0] / name, folder)
    labels = tmp_path / "labels.csv"
    labels.write_text("photo,person\ngrace-hopper-soft.jpg,H\ngrace-hopper-mirrored.gif,H\ngradient.jpg,H\n")
    found = accuracy.clusters(folder, labels, None, "cpu", lambda *_: None, baselines=True)
    assert (found["photos"], found["photos_with_a_face"]) == (3, 2)
    for scores in (found["main_faces"], found["baselines"]["average_linkage_best_bcubed"]):
        assert scores["faces"] == 3
        assert scores["bcubed"]["recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3) / 3)
