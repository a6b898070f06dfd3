"""The smoke recipe's first losses on real faces, as they were written down."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train.aligning import align
from train.config import read_recipe
from train.log import read_log
from train.loop import Job, fit

GOLDEN = Path(__file__).resolve().parents[2] / "train" / "results" / "smoke_golden.json"
PEOPLE, STEPS = 30, 16
TOLERANCE = 0.05


def shortened_smoke(faces: Path, scratch: Path) -> list[float]:
    """Losses of the first steps of `smoke` on the first people of a data set."""
    for person in sorted(faces.iterdir())[:PEOPLE]:
        shutil.copytree(person, scratch / "people" / person.name)
    align(scratch / "people", scratch / "faces", device="cpu")
    recipe = read_recipe("smoke", [f"run.steps={STEPS}", "run.validate_every=100", "data.workers=0"])
    recipe = replace(recipe, optimizer=replace(recipe.optimizer, warmup_steps=3))
    fit(Job(recipe, scratch / "faces", scratch / "run", device="cpu"))
    return [line["loss"] for line in read_log(scratch / "run") if line["kind"] == "train"]


@pytest.mark.data
@pytest.mark.slow
def test_smoke_goes_the_way_it_went(data: Path, tmp_path: Path) -> None:
    """Other processors round otherwise, and what they round grows: hence the tolerance."""
    golden = json.loads(GOLDEN.read_text())["losses"]
    found = shortened_smoke(data / "faces", tmp_path)
    assert len(golden) == STEPS
    np.testing.assert_allclose(found[:4], golden[:4], rtol=0.01)
    np.testing.assert_allclose(found, golden, rtol=TOLERANCE)


def test_the_golden_losses_are_no_line() -> None:
    """No constant is within the tolerance of all of them: what learns nothing can't follow."""
    golden = json.loads(GOLDEN.read_text())["losses"]
    assert max(golden) / (1 + TOLERANCE) > min(golden) / (1 - TOLERANCE)
