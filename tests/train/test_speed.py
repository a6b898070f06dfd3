"""The benchmark of training: both ways run, train the same network, and are told in the same terms."""

from pathlib import Path

import pytest
from train_samples import make_people, recipe

from train.dataset import read_faces
from train.speed import compare, plain_steps


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return make_people(tmp_path / "people", people=6)


def test_both_ways_are_measured(people: Path) -> None:
    found = compare(people, recipe(), "cpu", steps=4, rounds=1)
    assert found["batch"] == 12
    for way in ("ours", "plain"):
        assert found[way]["images_per_s"] > 0
        assert 0 < found[way]["first_step_s"] < 12 * 4 / found[way]["whole_images_per_s"]
    assert found["trainer_images_per_s"] > 0
    assert found["bare_images_per_s"] > 0
    assert found["ratio"] == pytest.approx(found["ours"]["images_per_s"] / found["plain"]["images_per_s"])


def test_the_plain_loop_takes_as_many_steps(people: Path) -> None:
    assert len(list(plain_steps(read_faces(people), recipe(run={"steps": 3}), "cpu"))) == 3
