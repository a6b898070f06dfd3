"""Which detector has found a library's faces is stored with it, and another is refused."""

from pathlib import Path

import pytest
from fakes import FakeDetector
from index_samples import SPEC

from facesearch import detection
from facesearch.core.errors import ModelError, ModelMismatchError
from facesearch.detection import DETECTORS
from facesearch.library import Library
from facesearch.storage import Store, migrations

MTCNN = detection.resolve("mtcnn")


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DETECTORS, "fake", FakeDetector)


def test_the_detector_is_stored(tmp_path: Path) -> None:
    for detector in (MTCNN, FakeDetector.spec):
        Store.create(tmp_path / detector.name, SPEC, detector=detector).close()
        store = Store.open(tmp_path / detector.name)
        assert store.detector == detector
        store.close()


def test_a_library_of_before_was_made_with_mtcnn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = migrations._NAMES.index("m006_detector")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "_NAMES", migrations._NAMES[:before])
        patch.setattr(migrations, "LATEST", before)
        Store.create(tmp_path, SPEC).close()
    store = Store.open(tmp_path)
    assert store.detector == MTCNN
    store.close()


def test_another_detector_is_refused_and_both_are_named(tmp_path: Path) -> None:
    Store.create(tmp_path, SPEC, detector=MTCNN).close()
    with pytest.raises(ModelMismatchError, match=rf"mtcnn \({MTCNN.fingerprint}\).* fake \("):
        Store.create(tmp_path, SPEC, detector=FakeDetector.spec)
    Store.create(tmp_path, SPEC, detector=MTCNN).close()


def test_a_library_takes_its_own_detector(tmp_path: Path) -> None:
    with Library(tmp_path, detector="fake") as library:
        assert library.status().to_dict()["detector"] == {"name": "fake", "fingerprint": FakeDetector.spec.fingerprint}
    with pytest.raises(ModelMismatchError, match=r"fake.*mtcnn"):
        Library(tmp_path, detector="mtcnn")
    with pytest.raises(ModelError, match="'none'"):
        Library(tmp_path, detector="none")
    with Library(tmp_path, device="cpu") as library:
        assert library.pipeline.detector.spec == FakeDetector.spec


def test_a_new_library_is_for_the_default_detector(tmp_path: Path) -> None:
    with Library(tmp_path) as library:
        assert library.store.detector == detection.resolve(detection.DEFAULT_DETECTOR)


def test_a_detector_that_has_changed_since_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Changed(FakeDetector):
        spec = type(FakeDetector.spec)("fake", 2, ())

    Library(tmp_path, detector="fake").close()
    monkeypatch.setitem(DETECTORS, "fake", Changed)
    with Library(tmp_path, device="cpu") as library, pytest.raises(ModelMismatchError, match="fake"):
        _ = library.pipeline
