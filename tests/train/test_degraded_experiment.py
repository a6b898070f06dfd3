"""The parts of the experiment on degraded faces: which pairs it measures, and that its copies are crops of one size."""

from pathlib import Path

import numpy as np
import pytest
from train_samples import make_people

from facesearch import embedding
from facesearch.core.settings import FLOAT32
from facesearch.core.types import Face
from train.config import AugmentConfig
from train.dataset import read_faces
from train.degraded_experiment import SPOILS, Faces, Lfw, Measured, degraded_pairs, spoiled_crop
from train.degraded_experiment import _figures as figures
from train.validation import HeldOut

SFACE = embedding.resolve("sface", FLOAT32)


def test_copies_meet_others_of_their_person_and_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.degraded_experiment.STRANGERS", 500)
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    faces = Faces([], np.array([0, 0, 0, 1, 1, 2]), [], np.array([1, 3]))
    pairs = degraded_pairs(rows, rows[faces.copy_of], faces)
    assert pairs.people is not None
    # copy 0 with faces 0 and 2, copy 1 with face 4; never with the face that it is a copy of
    assert pairs.same.sum() == 3
    by_hand = [np.linalg.norm(rows[a] - rows[b]) for a, b in ((1, 0), (1, 2), (3, 4))]
    np.testing.assert_allclose(pairs.distances[pairs.same], by_hand, rtol=1e-5)
    strangers = pairs.people[~pairs.same]
    assert (strangers[:, 0] != strangers[:, 1]).all()
    assert {tuple(pair) for pair in strangers.tolist()} == {(0, 1), (0, 2), (1, 0), (1, 2)}


@pytest.mark.parametrize("number", range(len(SPOILS)))
def test_every_copy_is_a_worse_crop_of_the_same_face(number: int) -> None:
    pre = SFACE.preprocessing
    landmarks = np.array(pre.landmarks, np.float32) + 56
    face = Face((60.0, 60.0, 160.0, 180.0), landmarks)
    smooth = np.linspace(40, 200, 224)[:, None, None] + 40 * np.sin(np.arange(224) / 9)[None, :, None]
    pixels = np.repeat(smooth, 3, axis=2).clip(0, 255).astype(np.uint8)
    good = spoiled_crop(pixels, face, number, pre)
    assert good.shape == (112, 112, 3)
    assert np.array_equal(good, spoiled_crop(pixels, face, number, pre))


def test_figures_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people of LFW with three faces each, told apart by SFace's part of the combination only."""
    monkeypatch.setattr("train.degraded_experiment.STRANGERS", 400)
    faces = Faces([], np.array([0, 0, 0, 1, 1, 1]), [], np.array([0, 3]))
    left, right = np.array([0, 3, 0, 1]), np.array([1, 4, 3, 5])
    lfw = Lfw(faces, left, right, np.array([True, True, False, False]), np.array([0, 1, 0, 1]))
    sface = np.eye(128, dtype=np.float32)[faces.people]
    rows = np.concatenate([np.ones((6, 128), np.float32), sface], axis=1)
    good = Measured(rows, rows[faces.copy_of], rows)
    alone = good.sface_alone()
    np.testing.assert_array_equal(alone.clean, sface)
    found = figures(alone.pairs(lfw, faces), lfw, alone.pairs(lfw, faces))
    assert found["lfw"]["accuracy"] == 1
    assert found["degraded lfw"]["tar"] == found["photos"]["tar"] == 1
    assert found["degraded lfw"]["tar_gain_within"] == (0.0, 0.0)
    assert "tar_gain_within" not in figures(alone.pairs(lfw, faces), lfw, None)["photos"]


class _Mean:
    """Stands for an embedder: what it sees."""

    spec = SFACE

    def embed(self, crops: list[np.ndarray]) -> np.ndarray:
        return np.stack([crop.reshape(-1).astype(np.float32) for crop in crops])


def test_held_out_crops_are_varied_the_same_way_each_time(tmp_path: Path) -> None:
    faces = read_faces(make_people(tmp_path / "people", people=6))
    augment = AugmentConfig(mirror=0.0, dark=1.0)
    plain, none, some, again = (
        HeldOut(faces, SFACE, varied, augment).embed(_Mean()) for varied in (0.0, 0.0, 0.5, 0.5)
    )
    assert np.array_equal(plain, none)
    assert np.array_equal(some, again)
    changed = (some != plain).any(axis=1)
    assert 0.2 < changed.mean() < 0.8
    assert np.array_equal(plain, HeldOut(faces, SFACE).embed(_Mean()))
