"""The pipeline as a function of plain data, as another process or machine runs it."""

import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facesearch import embedding
from facesearch.core.errors import ModelError
from facesearch.core.settings import DetectionConfig
from facesearch.core.types import PhotoResult
from facesearch.media import LocalFiles, Medium
from facesearch.pipeline import pipeline as module
from facesearch.pipeline.pipeline import Pipeline, PipelineSpec, analyse

Demo = tuple[Path, dict[str, tuple[str, ...]]]


@pytest.fixture(scope="module")
def spec() -> PipelineSpec:
    return PipelineSpec(embedding.resolve(embedding.DEFAULT_MODEL), device="cpu")


@pytest.fixture(scope="module")
def media(demo: Demo) -> list[Medium]:
    folder, labels = demo
    found = [LocalFiles().read(str(folder / name)) for name in list(labels)[:6]]
    return [*found, Medium(found[0].file, "0" * 64, b"no photo")]


def same(found: Sequence[PhotoResult], expected: Sequence[PhotoResult]) -> bool:
    """To the bit; which objects are shared does not matter."""
    return [_values(result) for result in found] == [_values(result) for result in expected]


def _values(result: PhotoResult) -> tuple[object, ...]:
    arrays = [(f.landmarks.tobytes(), None if f.embedding is None else f.embedding.tobytes()) for f in result.faces]
    crops = [None if face.crop is None else face.crop.tobytes() for face in result.faces]
    return result, arrays, crops


def test_the_function_its_arguments_and_results_can_be_pickled(spec: PipelineSpec, media: list[Medium]) -> None:
    function, again, sent = pickle.loads(pickle.dumps((analyse, spec, media)))
    assert function is analyse
    assert (again, sent) == (spec, media)
    results = analyse(spec, media)
    back = pickle.loads(pickle.dumps(results))
    for one, other in zip(back, results, strict=True):
        assert (one.sha256, one.size, one.taken, one.reason) == (other.sha256, other.size, other.taken, other.reason)
        for a, b in zip(one.faces, other.faces, strict=True):
            assert (a.box, a.score, a.sharpness) == (b.box, b.score, b.sharpness)
            np.testing.assert_array_equal(a.landmarks, b.landmarks)
            np.testing.assert_array_equal(a.embedding, b.embedding)


def test_another_process_gives_the_same(spec: PipelineSpec, media: list[Medium]) -> None:
    expected = analyse(spec, media)
    assert sum(len(result.faces) for result in expected) >= 6
    assert expected[-1].reason
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(analyse, (spec, media))
    assert same(found, expected)


def test_it_is_what_a_pipeline_gives(spec: PipelineSpec, media: list[Medium], pipeline: Pipeline) -> None:
    assert same(analyse(spec, media), pipeline.analyse(media))


def test_the_networks_are_loaded_once_in_a_process(
    spec: PipelineSpec, media: list[Medium], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyse(spec, media[:1])
    monkeypatch.setattr(Pipeline, "from_spec", lambda *_: pytest.fail("loaded again"))
    analyse(pickle.loads(pickle.dumps(spec)), media[:1])


def test_what_is_said_in_the_spec_counts(spec: PipelineSpec, media: list[Medium]) -> None:
    large = replace(spec, detection=DetectionConfig(min_face_px=2000))
    assert not any(result.faces for result in analyse(large, media[:2]))
    with pytest.raises(ModelError, match="no detector 'none'"):
        analyse(replace(spec, detector="none"), media[:1])
    module._pipeline.cache_clear()
