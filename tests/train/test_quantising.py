"""`python -m train quantise`: what a model's layers see on photos."""

from pathlib import Path

import pytest
from conftest import Picture

from facesearch.core.errors import InputError
from facesearch.core.quantisation import quantise, read_ranges
from facesearch.embedding import precision, resolve
from facesearch.embedding.loading import float_graph
from train import quantising

Demo = tuple[Path, dict[str, tuple[str, ...]]]


def test_ranges_fit_the_model_they_were_measured_on(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranges = quantising.measure("dlib", demo[0], photos=6)
    shipped = precision.ranges_of("dlib")
    assert shipped is not None
    assert ranges.layers.keys() == shipped.layers.keys()
    assert "fc" not in ranges.layers
    quantise(float_graph(resolve("dlib", "float32")), ranges)
    monkeypatch.setattr(quantising, "RANGES", tmp_path)
    assert read_ranges(quantising.write("dlib", ranges)) == ranges


def test_a_folder_without_faces(tmp_path: Path) -> None:
    Picture.save(tmp_path / "blocks.png", "no face")
    with pytest.raises(InputError, match="has no photos with faces"):
        quantising.measure("dlib", tmp_path)
