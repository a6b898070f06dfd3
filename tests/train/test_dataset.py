"""Faces for training: whose they are, who is kept out, and that their crops are the product's."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from train_samples import SIDE, make_people

from facesearch.core.errors import InputError
from facesearch.core.settings import Preprocessing
from facesearch.embedding.templates import dlib_template
from facesearch.pipeline.alignment import align, similarity
from train.augmentation import Augmentation
from train.config import AugmentConfig, DataConfig
from train.dataset import FaceSet, about_centre, crop_of, load_crop, read_faces, read_pixels, split_people
from train.errors import TrainingError
from train.manifest import Entry, ManifestWriter, read_manifest

PRE = Preprocessing((60, 60), dlib_template(60, 0.25), (127.5,) * 3, (128.0,) * 3)
LANDMARKS = ((30.0, 35.0), (61.0, 33.0), (46.0, 55.0), (33.0, 70.0), (60.0, 69.0))


def photo(seed: int = 0, side: int = 96) -> np.ndarray:
    """Smooth colours, so that one pixel more or less shows and noise does not."""
    blocks = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(blocks).resize((side, side), Image.Resampling.BICUBIC))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return make_people(tmp_path / "people", people=10, images=4)


def test_a_folder_a_person(people: Path) -> None:
    faces = read_faces(people)
    assert (len(faces), faces.people) == (40, [f"p{i:02}" for i in range(10)])
    assert faces.labels.tolist() == np.repeat(np.arange(10), 4).tolist()
    assert faces.summary() == {
        "people": 10, "images": 40, "images_per_person": [4, 4.0, 4], "people_with_one_image": 0, "aligned": False,
    }  # fmt: skip


def test_a_manifest_says_what_is_there(people: Path) -> None:
    with ManifestWriter(people) as manifest:
        manifest.add(Entry("p00/0.png", "p00/0.png", LANDMARKS, 0.99, 1))
        manifest.add(Entry("p00/1.png", None, reason="no face found"))
        manifest.add(Entry("p01/0.png", None, reason="no face found"))
        manifest.add(Entry("p01/0.png", "p01/0.png", LANDMARKS, 0.98, 2))  # found after all: the last word counts
    faces = read_faces(people)
    assert [image.path.name for image in faces.images] == ["0.png", "0.png"]
    assert faces.images[0].landmarks == LANDMARKS
    assert faces.summary()["aligned"] is True


def test_a_manifest_survives_a_torn_last_line(people: Path) -> None:
    with ManifestWriter(people) as manifest:
        manifest.add(Entry("p00/0.png", "p00/0.png", LANDMARKS, 0.99, 1))
    file = people / "manifest.jsonl"
    file.write_bytes(file.read_bytes() + b'{"source": "p00/1.png", "fi')
    assert [entry.source for entry in read_manifest(people)] == ["p00/0.png"]
    with ManifestWriter(people) as manifest:
        manifest.add(Entry("p00/1.png", None, reason="empty"))
    assert [entry.source for entry in read_manifest(people)] == ["p00/0.png", "p00/1.png"]


def test_a_damaged_manifest_is_named_with_its_line(people: Path) -> None:
    (people / "manifest.jsonl").write_text('{"source": "p00/0.png", "file": "p00/0.png", "landmarks": [[1, 2]]}\n')
    with pytest.raises(InputError, match=r"line 1, is not an entry .* 1 landmarks instead of 5"):
        read_faces(people)
    (people / "manifest.jsonl").write_text('{"source": "p00/0.png", "age": 3}\n')
    with pytest.raises(InputError, match="line 1"):
        read_faces(people)


def test_one_person_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_faces(make_people(tmp_path / "alone", people=1))
    with pytest.raises(InputError):
        read_faces(tmp_path / "none")
    aligned = tmp_path / "aligned"
    aligned.mkdir()
    with ManifestWriter(aligned) as manifest:
        manifest.add(Entry("anna/0.png", "anna/0.png", LANDMARKS, 0.99, 1))
    with pytest.raises(InputError, match="has images of 1 people"):
        read_faces(aligned)


def test_nobody_is_on_both_sides(people: Path) -> None:
    faces = read_faces(people)
    train, held_out = split_people(faces, DataConfig(held_out=0.3))
    assert (len(train.people), len(held_out.people)) == (7, 3)
    assert not set(train.people) & set(held_out.people)
    assert split_people(faces, DataConfig(held_out=0.3)) == (train, held_out)
    assert split_people(faces, DataConfig(held_out=0.3, split_seed=1))[1] != held_out
    assert len(split_people(faces, DataConfig(held_out=0.5, held_out_images=9))[1].people) == 2


def test_people_with_one_image_measure_nothing_and_are_learnt_from(tmp_path: Path) -> None:
    folder = make_people(tmp_path / "some", people=6, images=2)
    for person in ("p00", "p01"):
        (folder / person / "1.png").unlink()
    train, held_out = split_people(read_faces(folder), DataConfig(held_out=0.5))
    assert {"p00", "p01"} <= set(train.people)
    assert held_out.summary()["people_with_one_image"] == 0
    (folder / "p02" / "1.png").unlink()
    with pytest.raises(InputError, match="3 of 6 people have two images or more"):
        split_people(read_faces(folder), DataConfig())


def test_an_unmoved_crop_is_the_products(people: Path) -> None:
    pixels = photo()
    expected = align(pixels, np.array(LANDMARKS), PRE)
    found = crop_of(pixels, LANDMARKS, PRE, about_centre(PRE, 1.0))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_moved_crop_is_the_crop_moved() -> None:
    """Landmarks of the moved crop are where the movement takes those of the unmoved one."""
    moved = about_centre(PRE, 1.2, 0.3, (4.0, -2.0))
    to_crop = similarity(np.array(LANDMARKS), np.array(PRE.landmarks) + 0.5)
    marked = np.zeros((96, 96, 3), np.uint8)
    x, y = 46, 55  # the nose, a bright square around it
    marked[y - 2 : y + 2, x - 2 : x + 2] = 255
    crop = crop_of(marked, LANDMARKS, PRE, moved)[..., 0].astype(float)
    rows, columns = np.mgrid[:60, :60] + 0.5
    centre = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
    np.testing.assert_allclose(centre, moved(to_crop(np.array([[x, y]], float)))[0], atol=0.5)
    np.testing.assert_allclose(moved(np.array([[30.0, 30.0]]))[0], [34, 28], atol=1e-9)


def test_without_landmarks_the_middle_is_taken() -> None:
    """160 of 182 pixels, as the lineage crops."""
    pixels = np.zeros((182, 182, 3), np.uint8)
    pixels[11:171, 11:171] = 255
    square = Preprocessing((160, 160), dlib_template(160, 0.25), (0,) * 3, (1,) * 3)
    crop = crop_of(pixels, None, square, about_centre(square, 1.0))
    assert crop[2:-2, 2:-2].min() == 255
    assert crop_of(pixels, None, square, about_centre(square, 0.9))[0, 0, 0] == 0


def test_an_unreadable_image_is_named(people: Path) -> None:
    faces = read_faces(people)
    faces.images[0].path.write_bytes(b"no picture")
    with pytest.raises(TrainingError, match=r"p00/0\.png cannot be read .*train align"):
        load_crop(faces.images[0], PRE)


def test_no_variation_is_the_plain_crop() -> None:
    plain = Augmentation(AugmentConfig(mirror=0), PRE)(photo(), LANDMARKS, 5)
    np.testing.assert_array_equal(plain, crop_of(photo(), LANDMARKS, PRE, about_centre(PRE, 1.0)))


@pytest.mark.parametrize(
    "name", ["mirror", "shift", "scale", "turn", "light", "grey", "occlusion", "dark", "low_resolution", "blur", "jpeg"]
)
def test_each_variation_changes_the_crop_and_follows_its_seed(name: str) -> None:
    amount = {"shift": 0.05, "scale": 0.1, "turn": 10.0}.get(name, 1.0)
    varied = Augmentation(AugmentConfig(**{"mirror": 0.0, name: amount}), PRE)
    plain = Augmentation(AugmentConfig(mirror=0), PRE)(photo(), LANDMARKS, 0)
    first, again, other = (varied(photo(), LANDMARKS, (seed, 7)) for seed in (1, 1, 2))
    assert first.shape == plain.shape
    assert np.abs(first.astype(int) - plain).mean() > 0.1
    np.testing.assert_array_equal(first, again)
    if name not in ("mirror", "grey"):
        assert np.abs(first.astype(int) - other).max() > 0


def test_later_variations_leave_the_draws_of_the_others_alone() -> None:
    """Of a recipe from before they were there, and where they are drawn but do not happen."""
    kinds = {"shift": 0.05, "light": 0.5, "blur": 0.5, "jpeg": 0.5}
    for seed in range(8):
        before = Augmentation(AugmentConfig(**kinds), PRE)(photo(), LANDMARKS, (seed, 3))
        after = Augmentation(AugmentConfig(**kinds, occlusion=1e-12, dark=1e-12), PRE)(photo(), LANDMARKS, (seed, 3))
        np.testing.assert_array_equal(before, after)


def test_the_dark_is_darker_and_noisy() -> None:
    plain = Augmentation(AugmentConfig(mirror=0), PRE)(photo(), LANDMARKS, 0).astype(float)
    dark = Augmentation(AugmentConfig(mirror=0, dark=1), PRE)(photo(), LANDMARKS, 0).astype(float)
    assert dark.mean() < 0.6 * plain.mean()


def test_a_cover_leaves_the_rest_alone() -> None:
    plain = Augmentation(AugmentConfig(mirror=0), PRE)(photo(), LANDMARKS, 0)
    for seed in range(8):
        covered = Augmentation(AugmentConfig(mirror=0, occlusion=1), PRE)(photo(), LANDMARKS, (seed, 1))
        changed = (covered != plain).any(axis=2)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        area = (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1) / changed.size
        assert 0.03 < area < 0.28
        assert changed.sum() / changed.size <= area


def test_low_sides_say_how_small() -> None:
    def blocks(sides: tuple[float, float]) -> float:
        config = AugmentConfig(mirror=0, low_resolution=1, low_sides=sides)
        crop = Augmentation(config, PRE)(photo(), LANDMARKS, 0).astype(float)
        return float(np.abs(np.diff(crop, axis=1)).mean())

    assert blocks((8, 10)) < blocks((100, 110))


def test_a_mirrored_crop_is_the_mirror_image() -> None:
    mirrored = Augmentation(AugmentConfig(mirror=1), PRE)(photo(), LANDMARKS, 0)
    plain = Augmentation(AugmentConfig(mirror=0), PRE)(photo(), LANDMARKS, 0)
    np.testing.assert_array_equal(mirrored, plain[:, ::-1])


def test_sets_are_sorted_and_can_be_narrowed(people: Path) -> None:
    faces = read_faces(people)
    some = faces.of(["p03", "p01"])
    assert isinstance(some, FaceSet)
    assert some.people == ["p01", "p03"]
    assert some.labels.tolist() == [0] * 4 + [1] * 4
    assert read_pixels(some.images[0]).shape == (SIDE, SIDE, 3)
