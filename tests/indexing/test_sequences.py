"""Whatever is done to the files between runs, a library ends as one that is made from what is there."""

import contextlib
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork
from hypothesis import given, settings
from hypothesis import strategies as st
from library_states import check_vectors, faces_by_content, files
from PIL import Image

from facesearch.embedding import NetworkEmbedder
from facesearch.indexing.indexer import IndexReport, index_photos
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

NAMES = ("a.png", "b.png", "one/a.png", "one/c.png", "two/c.png")
WORDS = ("x", "y", "z", "black")

names, words = st.sampled_from(NAMES), st.sampled_from(WORDS)
operations = st.one_of(
    st.tuples(st.just("write"), names, words),
    st.tuples(st.sampled_from(["rename", "copy", "swap"]), names, names),
    st.tuples(st.sampled_from(["delete", "touch", "damage"]), names),
    st.tuples(st.just("rename"), st.sampled_from(["one", "two"]), st.sampled_from(["one", "two", "a.png"])),
    st.tuples(st.just("swap"), st.just("one"), st.just("two")),
    st.tuples(st.just("run"), st.sampled_from([".", "one"])),
    st.tuples(st.just("stopped run"), st.integers(0, 3)),
)


class Files:
    """A folder of photos to which things are done; what cannot be done is left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._clock = 1_000_000_000
        for name in ("one", "two"):
            (folder / name).mkdir(parents=True)

    def do(self, what: str, name: str, *rest: str) -> None:
        with contextlib.suppress(OSError):
            getattr(self, what)(self.folder / name, *rest)

    def write(self, path: Path, word: str) -> None:
        if word == "black":
            Image.new("RGB", (64, 64)).save(path)
        else:
            Picture.save(path, word)
        self.touch(path)

    def touch(self, path: Path) -> None:
        """Later every time: an edit within one tick of the file system's clock is another matter."""
        self._clock += 1
        os.utime(path, (self._clock, self._clock))

    def damage(self, path: Path) -> None:
        path.write_bytes(path.read_bytes()[:60])
        self.touch(path)

    def delete(self, path: Path) -> None:
        path.unlink()

    def rename(self, path: Path, to: str) -> None:
        path.rename(self.folder / to)

    def copy(self, path: Path, to: str) -> None:
        if path != self.folder / to:
            shutil.copyfile(path, self.folder / to)
            self.touch(self.folder / to)

    def swap(self, path: Path, other: str) -> None:
        """Each file keeps its time, as with `mv`."""
        if path.exists() and (self.folder / other).exists() and path != self.folder / other:
            path.rename(self.folder / "swap")
            (self.folder / other).rename(path)
            (self.folder / "swap").rename(self.folder / other)


def index_folder(index: Store, pipeline: Pipeline, folder: Path, reads: int = 1_000) -> IndexReport:
    """Args: reads: how many photos are read before it is asked to stop."""
    asked = iter([False] * reads)
    report = index_photos(index, lambda: pipeline, [str(folder)], should_stop=lambda: next(asked, True))
    if not report.stopped:
        assert report.found == report.indexed + report.unchanged + report.failed
        assert min(report.moved, report.duplicates, report.missing) >= 0
        assert report.moved + report.duplicates <= report.unchanged
    return report


@settings(max_examples=40, deadline=None, database=None)
@given(st.lists(operations, min_size=2, max_size=14))
def test_any_sequence_of_changes(sequence: list[tuple[str, ...]]) -> None:
    pipeline = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())
    with TemporaryDirectory() as scratch:
        place = Path(scratch)
        photos, index = Files(place / "photos"), Store.create(place / "library", FAKE_SPEC)
        for what, *rest in sequence:
            if what == "run":
                (photos.folder / rest[0]).mkdir(exist_ok=True)
                index_folder(index, pipeline, photos.folder / rest[0])
                check_vectors_of_a_part(index)
            elif what == "stopped run":
                index_folder(index, pipeline, photos.folder, int(rest[0]))
            else:
                photos.do(what, *rest)
        failed = {path for path, _ in index_folder(index, pipeline, photos.folder).failures}
        check_vectors(index)
        assert {path for path, _ in index.failures()} == failed
        again = index_folder(index, pipeline, photos.folder)
        assert (again.indexed, again.moved, again.duplicates) == (0, 0, 0)
        fresh = Store.create(place / "fresh", FAKE_SPEC)
        index_folder(fresh, pipeline, photos.folder)
        compare(index, fresh, failed)
        index.close()
        fresh.close()


def check_vectors_of_a_part(index: Store) -> None:
    ids, embeddings = index.embeddings()
    np.testing.assert_array_equal(index.vectors.vectors(ids), embeddings)


def compare(index: Store, fresh: Store, failed: set[str]) -> None:
    """A damaged file keeps the photo that it held, and a missing one too; of what is there, both hold the same."""
    held, expected = files(index), files(fresh)
    assert {path: sha256 for path, sha256 in held.items() if path not in failed} == expected
    faces, expected_faces = faces_by_content(index), faces_by_content(fresh)
    for sha256 in expected_faces:
        assert len(faces[sha256]) == len(expected_faces[sha256])
        for (embedding, *place), (expected_embedding, *expected_place) in zip(
            faces[sha256], expected_faces[sha256], strict=True
        ):
            vectors = [np.frombuffer(blob, "<f4") for blob in (embedding, expected_embedding)]
            np.testing.assert_allclose(*vectors, atol=1e-6)
            assert place == expected_place
    missing = [path for path, known in index.known_paths().items() if known.missing]
    index.forget_paths([*missing, *failed])
    check_vectors(index)
    assert set(faces_by_content(index)) == set(expected_faces)
