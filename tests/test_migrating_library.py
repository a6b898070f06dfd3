"""Libraries of before under new defaults: they go on with what they have, are offered a migration, and take it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeDetector, OtherDetector
from library_states import check_vectors

from facesearch import detection, embedding
from facesearch.calibration import load_calibration, outdated_calibration
from facesearch.core import settings
from facesearch.core.errors import ModelMismatchError, WeightsError
from facesearch.core.settings import ModelSpec
from facesearch.detection import DETECTORS
from facesearch.indexing.migration import MigrationReport
from facesearch.library import Library
from facesearch.storage import Store

DLIB = embedding.resolve("dlib", "float32")
Command = Callable[..., Any]
Demo = tuple[Path, dict[str, tuple[str, ...]]]


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    """A model in a file, of five dimensions."""
    pytest.importorskip("onnx")
    from embedding_samples import write_model

    return str(write_model(tmp_path / "tiny.onnx"))


@pytest.fixture
def new_defaults(tiny: str, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """The defaults of a later facesearch: the tiny model, and the other detector. Gives the model."""
    monkeypatch.setitem(DETECTORS, "other", OtherDetector)
    monkeypatch.setattr(settings, "DEFAULT_DETECTOR", "other")
    monkeypatch.setattr(embedding, "DEFAULT_MODEL", tiny)
    return embedding.resolve(tiny)


@pytest.fixture
def library(tmp_path: Path, demo: Demo, pipeline_at_hand: None) -> Path:
    """A library of two photos, made with dlib and MTCNN."""
    names = [f"{person}-soft.jpg" for person in ("grace-hopper", "eileen-collins")]
    with Library(tmp_path / "library", device="cpu", model="dlib", precision="float32", detector="mtcnn") as made:
        made.index([demo[0] / name for name in names])
    return tmp_path / "library"


@pytest.mark.parametrize("create", [True, False])
def test_it_goes_on_with_its_own(library: Path, new_defaults: ModelSpec, demo: Demo, create: bool) -> None:
    photo = demo[0] / "grace-hopper-soft.jpg"
    with Library(library, device="cpu", create=create) as opened:
        assert (opened.pipeline.embedder.spec, opened.pipeline.detector.spec) == (DLIB, detection.resolve("mtcnn"))
        assert opened.query(photo, k=1).faces[0].matches[0].distance == pytest.approx(0, abs=1e-3)
        opened.index([demo[0]])
        assert opened.status().photos > 2


def test_the_model_and_detector_of_before_are_what_they_were() -> None:
    """As libraries of format 6 have them: with others by these names they would not open any more."""
    assert (DLIB.fingerprint, detection.resolve("mtcnn").fingerprint) == ("f1813b1b5d3e69e2", "d94b032ed13403f6")


def test_one_that_does_not_say_by_which_detector_is_mtcnns(
    tmp_path: Path, new_defaults: ModelSpec, pipeline_at_hand: None
) -> None:
    Store.create(tmp_path / "before", DLIB).close()
    with Library(tmp_path / "before", device="cpu") as opened:
        assert opened.pipeline.detector.spec == detection.resolve("mtcnn")


def test_a_new_one_gets_the_defaults(tmp_path: Path, new_defaults: ModelSpec) -> None:
    with Library(tmp_path / "new") as made:
        assert (made.spec, made.store.detector) == (new_defaults, OtherDetector.spec)
        assert made.status().migration is None


def test_status_offers_the_migration_in_one_line(library: Path, new_defaults: ModelSpec, command: Command) -> None:
    at = ("--library", library)
    said = command("status", "--json", *at).json["migration"]
    assert f"from dlib with mtcnn to {new_defaults.name} with other" in said
    (line,) = (line for line in command("status", *at).out.splitlines() if line.startswith("Migration:"))
    assert line.removeprefix("Migration:").strip() == said


def test_status_offers_nothing_where_there_is_nothing_better(
    library: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ("--library", library)
    monkeypatch.setattr(embedding, "DEFAULT_MODEL", "dlib")
    monkeypatch.setattr(settings, "DEFAULT_DETECTOR", "mtcnn")
    assert command("status", "--json", *at).json["migration"] is None
    assert "Migration:" not in command("status", *at).out
    monkeypatch.setattr(embedding, "DEFAULT_MODEL", "facenet-vggface2")  # whose weights are not here
    with pytest.raises(WeightsError):
        embedding.resolve("facenet-vggface2")
    assert command("status", "--json", *at).json["migration"] is None


@pytest.mark.parametrize(
    ("asked", "model", "detector"),
    [({}, "tiny", "other"), ({"model": "tiny"}, "tiny", "mtcnn"), ({"detector": "other"}, "dlib", "other")],
    ids=["defaults", "model", "detector"],
)
def test_what_is_not_asked_for_stays(
    library: Path, new_defaults: ModelSpec, asked: dict[str, str], model: str, detector: str
) -> None:
    named = {key: new_defaults.name if value == "tiny" else value for key, value in asked.items()}
    with Library(library, device="cpu") as opened:
        opened.migrate(named.get("model"), detector=named.get("detector"))
        assert (opened.spec.fingerprint == new_defaults.fingerprint) == (model == "tiny")
        assert opened.store.detector is not None
        assert opened.store.detector.name == detector
        check_vectors(opened.store)


def test_to_a_model_and_back(library: Path, tiny: str, demo: Demo) -> None:
    with Library(library, device="cpu") as opened:
        before, calibration = opened.store.embeddings()[1], opened.calibration
        assert calibration is not None
        with pytest.raises(ModelMismatchError, match=r"dlib.*tiny\.onnx.*facesearch migrate --model"):
            Library(library, model=tiny)
        opened.migrate(tiny)
        assert (opened.spec.network, opened.spec.dim, opened.calibration) == ("onnx", 5, None)
        found = opened.query(demo[0] / "grace-hopper-soft.jpg", k=1).faces[0].matches[0]
        assert found.distance == pytest.approx(0, abs=1e-3)
        check_vectors(opened.store)
        opened.migrate("dlib", precision="float32")
        assert opened.calibration == calibration
        np.testing.assert_allclose(opened.store.embeddings()[1], before, atol=1e-3)


def test_another_detector_is_refused_with_the_way_out(library: Path, new_defaults: ModelSpec) -> None:
    with pytest.raises(ModelMismatchError, match=r"mtcnn.*other.*facesearch migrate --detector other"):
        Library(library, detector="other")


def test_the_librarys_own_calibration_is_left_behind_and_it_is_said(library: Path, tiny: str) -> None:
    own = load_calibration(DLIB)
    assert own is not None
    with Library(library, device="cpu") as opened:
        opened.use_calibration(own)
        assert opened.plan_migration("dlib").calibration == ""
        for said in (opened.plan_migration(tiny).calibration, opened.migrate(tiny).calibration):
            assert "is for dlib" in said
            assert "`facesearch calibrate`" in said
        assert opened.calibration is None
        assert opened.migrate("dlib").calibration == ""
        assert opened.calibration == own


def test_a_damaged_or_missing_calibration_is_none_that_is_left_behind(tmp_path: Path) -> None:
    assert outdated_calibration(tmp_path, DLIB) == ""
    (tmp_path / "calibration.json").write_text("damaged")
    assert outdated_calibration(tmp_path, DLIB) == ""


def test_the_commands(library: Path, new_defaults: ModelSpec, command: Command) -> None:
    at = ("--library", library, "--device", "cpu")
    planned = command("migrate", "--dry-run", *at, "--json").json
    assert (planned["dry_run"], planned["anew"], planned["photos_to_read"], planned["faces_to_embed"]) == (
        *(True, True),
        *(2, 2),
    )
    told = command("migrate", "--dry-run", *at).out
    assert "2 of 2 to read" in told
    assert "about 1 second" in told or "second" in told
    report = command("migrate", *at, "--json").json
    assert report["faces"] == report["matched"] + report["added"] + len(report["unmatched"])
    assert {row["photo"].endswith("-soft.jpg") for row in report["unmatched"]} <= {True}
    assert "already" in command("migrate", *at).out
    assert "nothing to look at" in command("migrate", "--dry-run", *at).out


def test_stopped_it_says_how_to_go_on(library: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Library, "migrate", lambda *_, **__: MigrationReport(stopped=True))
    answer = command("migrate", "--library", library)
    assert answer.code == 130
    assert "still what it was" in answer.out
    assert command("reembed", "--model", "dlib", "--library", library, "--json").json["stopped"]


def test_lost_faces_are_listed(
    library: Path, command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Blind(FakeDetector):
        spec = type(FakeDetector.spec)("blind", 1, ())

        def detect(self, images: Any, _: object) -> list[list[Any]]:
            return [[] for _ in images]

    monkeypatch.setitem(DETECTORS, "blind", Blind)
    with Library(library, device="cpu") as opened:
        opened.people.assign([1], "Ada L")
        places = {face.id: face.box for face in opened.store.faces([1, 2])}
    out = command("migrate", "--detector", "blind", "--library", library).out
    (first, second) = (line for line in out.splitlines() if line.startswith("  face "))
    assert first.startswith("  face 1 at ")
    assert first.endswith("grace-hopper-soft.jpg: Ada L") or first.endswith("eileen-collins-soft.jpg: Ada L")
    assert second.endswith(": nobody yet")
    assert "0 known, 0 new, 2 not found" in out
    with Library(library) as opened:
        assert {face.id: face.box for face in opened.store.faces([1, 2])} == places
