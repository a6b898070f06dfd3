"""Moving a library to another model."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from library_states import check_vectors
from numpy.typing import NDArray

from facesearch.core.errors import LibraryError, ModelMismatchError
from facesearch.core.settings import ModelSpec
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing.indexer import Progress, index_photos
from facesearch.indexing.reembedding import reembed
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

PHOTOS = 40
NEW_SPEC = ModelSpec("new", "new", 3, FAKE_SPEC.preprocessing, "1" * 64)


class NewNetwork:
    """The mean colour of a crop; counts the crops."""

    spec = NEW_SPEC

    def __init__(self) -> None:
        self.crops = 0

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.crops += len(batch)
        return batch.mean(axis=(2, 3)) + np.float32(1e-3)


class NoDetector:
    """Reembedding must not look for faces again."""

    config = None

    def detect(self, *_: object) -> None:
        pytest.fail("faces were looked for")


@pytest.fixture
def network() -> NewNetwork:
    return NewNetwork()


@pytest.fixture
def new_pipeline(network: NewNetwork, fake_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    pipeline = Pipeline(NetworkEmbedder(network), fake_pipeline.detector)
    monkeypatch.setattr(pipeline, "detect", NoDetector().detect)
    return pipeline


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for i in range(PHOTOS):
        Picture.save(folder / f"{i:02}.png", str(i))
    return folder


@pytest.fixture
def index(tmp_path: Path, photos: Path, fake_pipeline: Pipeline) -> Iterator[Store]:
    made = Store.create(tmp_path / "library", FAKE_SPEC)
    index_photos(made, lambda: fake_pipeline, [str(photos)])
    yield made
    made.close()


def test_every_face_gets_the_embedding_that_indexing_would_give(
    index: Store, new_pipeline: Pipeline, fake_pipeline: Pipeline, tmp_path: Path, photos: Path
) -> None:
    ids = index.embeddings()[0]
    states: list[tuple[int, int, int]] = []
    report = reembed(index, new_pipeline, progress=lambda s: states.append((s.done, s.todo, s.faces)))
    assert (report.photos, report.faces, report.dropped, report.stopped) == (PHOTOS, PHOTOS, 0, False)
    assert states[-1] == (PHOTOS, PHOTOS, PHOTOS)
    fresh = Store.create(tmp_path / "fresh", NEW_SPEC)
    index_photos(fresh, lambda: Pipeline(NetworkEmbedder(NewNetwork()), fake_pipeline.detector), [str(photos)])
    assert index.embeddings()[0].tolist() == ids.tolist()
    np.testing.assert_allclose(index.embeddings()[1], fresh.embeddings()[1], atol=1e-6)
    check_vectors(index)
    fresh.close()


def test_the_new_model_is_the_librarys(index: Store, new_pipeline: Pipeline) -> None:
    reembed(index, new_pipeline)
    assert index.spec == NEW_SPEC
    again = Store.open(index.folder)
    assert again.spec == NEW_SPEC
    with pytest.raises(ModelMismatchError):
        again.require_model(FAKE_SPEC)
    again.close()


def test_interrupted_it_stays_as_it_was_and_goes_on(index: Store, new_pipeline: Pipeline, network: NewNetwork) -> None:
    before = index.embeddings()
    asked = iter([False])
    report = reembed(index, new_pipeline, should_stop=lambda: next(asked, True))
    assert report.stopped
    done = network.crops
    assert 0 < done < PHOTOS
    assert index.spec == FAKE_SPEC
    np.testing.assert_array_equal(index.embeddings()[1], before[1])
    check_vectors(index)
    seen: list[Progress] = []
    report = reembed(index, new_pipeline, progress=seen.append)
    assert report.faces == PHOTOS
    assert network.crops == PHOTOS  # none twice
    assert seen[-1].todo == PHOTOS - done
    check_vectors(index)


def test_photos_indexed_in_between_are_not_forgotten(
    index: Store, new_pipeline: Pipeline, fake_pipeline: Pipeline, photos: Path
) -> None:
    asked = iter([False])
    reembed(index, new_pipeline, should_stop=lambda: next(asked, True))
    Picture.save(photos / "new.png", "new")
    index_photos(index, lambda: fake_pipeline, [str(photos)])
    assert reembed(index, new_pipeline).faces == PHOTOS + 1
    check_vectors(index)


@pytest.mark.parametrize("how", ["gone", "changed", "damaged"])
def test_photos_that_cannot_be_embedded_again(index: Store, new_pipeline: Pipeline, photos: Path, how: str) -> None:
    before = index.embeddings()[1]
    lost = photos / "07.png"
    if how == "gone":
        lost.unlink()
    elif how == "changed":
        Picture.save(lost, "another")
    else:
        lost.write_bytes(lost.read_bytes()[:50])
    with pytest.raises(LibraryError, match=r"^1 photo .*--drop-missing"):
        reembed(index, new_pipeline)
    assert index.spec == FAKE_SPEC
    np.testing.assert_array_equal(index.embeddings()[1], before)
    report = reembed(index, new_pipeline, drop_missing=True)
    assert (report.photos, report.faces, report.dropped) == (PHOTOS - 1, PHOTOS - 1, 1)
    assert str(lost) not in index.known_paths()
    check_vectors(index)


def test_a_copy_will_do(index: Store, new_pipeline: Pipeline, fake_pipeline: Pipeline, photos: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "07.png").read_bytes())
    index_photos(index, lambda: fake_pipeline, [str(photos)])
    (photos / "07.png").unlink()
    assert reembed(index, new_pipeline).faces == PHOTOS


def test_photos_without_faces_stay(index: Store, new_pipeline: Pipeline, fake_pipeline: Pipeline, photos: Path):
    from PIL import Image

    Image.new("RGB", (32, 32)).save(photos / "black.png")
    index_photos(index, lambda: fake_pipeline, [str(photos)])
    report = reembed(index, new_pipeline)
    assert (report.photos, report.faces) == (PHOTOS + 1, PHOTOS)


def test_from_dlib_to_onnx_and_back(
    demo: tuple[Path, dict[str, tuple[str, ...]]], tmp_path: Path, pipeline_at_hand: None
) -> None:
    pytest.importorskip("onnx")
    from embedding_samples import write_model

    model = str(write_model(tmp_path / "tiny.onnx"))
    with Library(tmp_path / "library", device="cpu") as library:
        names = [f"{person}-soft.jpg" for person in ("grace-hopper", "eileen-collins")]
        library.index([demo[0] / name for name in names])
        before, dlib = library.store.embeddings()[1], library.calibration
        assert dlib is not None
        with pytest.raises(ModelMismatchError, match=r"dlib.*tiny\.onnx.*facesearch reembed --model"):
            Library(tmp_path / "library", model=model)
        library.reembed(model)
        assert (library.spec.network, library.spec.dim, library.calibration) == ("onnx", 5, None)
        assert library.query(demo[0] / names[0], k=1).faces[0].matches[0].distance == pytest.approx(0, abs=1e-3)
        check_vectors(library.store)
        library.reembed("dlib")
        assert library.calibration == dlib
        np.testing.assert_allclose(library.store.embeddings()[1], before, atol=1e-3)
