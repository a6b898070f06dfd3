"""index/compare_detectors.py: what two detectors have found, and pictures of what one has found alone."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fakes import FakeDetector
from PIL import Image

from facesearch.core.types import Face

SCRIPT = Path(__file__).parents[1] / "index" / "compare_detectors.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare_detectors", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Another(FakeDetector):
    """The fake's face, moved, in bright pictures only; and one in the corner of each."""

    def _faces(self, image: np.ndarray) -> list[Face]:  # type: ignore[type-arg]
        moved = [Face(f.box, f.landmarks + np.float32(3), f.score - 0.1) for f in super()._faces(image)]
        corner = Face((0.0, 0.0, 9.0, 9.0), np.full((5, 2), 4, np.float32), 0.6)
        return [*(moved if image.mean() > 100 else []), corner]


def test_faces_of_both_and_of_one_alone(script: ModuleType, tmp_path: Path) -> None:
    paths = []
    for value in (50, 200):
        paths.append(str(tmp_path / f"{value}.png"))
        Image.new("RGB", (80, 80), (value,) * 3).save(paths[-1])
    results = script.compared([FakeDetector(), Another()], paths)
    figures = results.figures(["fake", "another"])
    assert [figures[key] for key in ("photos", "found by both", "only fake", "only another")] == [2, 1, 1, 2]
    assert results.moved == pytest.approx([3 * 2**0.5 / 40])
    assert results.scored == pytest.approx([-0.1])
    (path, face, others) = results.alone[0][0]
    assert (path, face.score, len(others)) == (paths[0], 0.99, 1)
    picture = script.sheet(results.alone[1])
    assert picture.size == (9 * script.SIDE, script.SIDE + script.CAPTION)
    assert len(np.unique(np.asarray(picture)[: script.SIDE, script.SIDE : 2 * script.SIDE])) > 2
    assert script.compared([FakeDetector(), FakeDetector()], []).figures(["a", "b"])["photos"] == 0
