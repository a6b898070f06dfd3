"""The walk of a photo, with the real networks on real faces; and which pixels it looks at, and how often."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facesearch.core.distance import l2
from facesearch.core.errors import PhotoError
from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face, PhotoResult
from facesearch.detection import load as load_detector
from facesearch.detection.main_face import main_face, prominence
from facesearch.media import LocalFiles, PhotoFile, open_photo
from facesearch.pipeline.alignment import align
from facesearch.pipeline.pipeline import Pipeline
from facesearch.pipeline.quality import sharpness

ASTRONAUT = Image.fromarray(skimage.data.astronaut())


def analyse(pipeline: Pipeline, path: Path) -> list[Face]:
    (result,) = pipeline.analyse([LocalFiles().read(str(path))], keep_crops=True)
    assert not result.reason
    return list(result.faces)


def on_canvas(path: Path, face_scale: float, at: tuple[int, int], size: tuple[int, int] = (4000, 3000)) -> Path:
    """The astronaut on a large, softly shaded canvas."""
    canvas = Image.linear_gradient("L").resize(size).convert("RGB")
    side = round(512 * face_scale)
    canvas.paste(ASTRONAUT.resize((side, side), Image.Resampling.LANCZOS), at)
    canvas.save(path, quality=95)
    return path


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Grows with every photo decoded: its file name, and the scale that it was decoded at."""
    calls: list[tuple[str, float]] = []
    decode = PhotoFile.decode

    def counting(self: PhotoFile, min_scale: float = 1.0):
        decoded = decode(self, min_scale)
        calls.append((Path(self.path).name, decoded.scale))
        return decoded

    monkeypatch.setattr(PhotoFile, "decode", counting)
    return calls


# --- People -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo_faces(pipeline, demo) -> dict[str, list[Face]]:
    """All faces of each photo of the demo collection, from left to right; they are analysed as one batch."""
    folder, labels = demo
    found = pipeline.analyse([LocalFiles().read(str(folder / name)) for name in labels], keep_crops=True)
    return {name: sorted(result.faces, key=lambda f: f.box[0]) for name, result in zip(labels, found, strict=True)}


def test_everybody_is_found_and_nobody_else(demo, demo_faces):
    _, labels = demo
    assert {name: len(faces) for name, faces in demo_faces.items()} == {n: len(who) for n, who in labels.items()}


def test_the_same_person_is_nearer_than_any_other(demo, demo_faces):
    """Without exception: soft, faded, tilted, mirrored, small, in six file formats, in eight orientations."""
    _, labels = demo
    faces = [
        (person, face.embedding)
        for name, people in labels.items()
        for person, face in zip(people, demo_faces[name], strict=True)
    ]
    within = [l2(a, b) for (p, a), (q, b) in combinations(faces, 2) if p == q]
    between = [l2(a, b) for (p, a), (q, b) in combinations(faces, 2) if p != q]
    assert len(within) > 100
    assert len(between) > 100
    assert max(within) < 0.8 * min(between)


def test_every_orientation_is_the_same_face_at_the_same_place(demo, demo_faces):
    """The eight orientations take turns between two people, and so have two boxes and two embeddings between them."""
    folder, _ = demo
    for person, upright in (("grace-hopper", 1), ("eileen-collins", 2)):
        first = demo_faces[f"{person}-orientation-{upright}.jpg"][0]
        for orientation in range(upright, 9, 2):
            name = f"{person}-orientation-{orientation}.jpg"
            (face,) = demo_faces[name]
            width, height = open_photo(folder / name).size
            assert (width, height) == ((512, 600) if person == "grace-hopper" else (512, 512))
            np.testing.assert_allclose(face.box, first.box, atol=4)
            np.testing.assert_allclose(face.landmarks, first.landmarks, atol=4)
            assert l2(face.embedding, first.embedding) < 0.1


def test_a_face_holds_what_is_said_of_it(pipeline, demo_faces):
    (found,) = demo_faces["eileen-collins-orientation-8.jpg"]
    embedder = pipeline.embedder
    assert found.crop.shape == (*embedder.spec.preprocessing.size, 3)
    assert found.crop.dtype == np.uint8
    assert found.sharpness == sharpness(found.crop)
    np.testing.assert_allclose(found.embedding, embedder.embed([found.crop])[0], atol=1e-5)


def test_a_batch_gives_what_its_photos_give_alone(pipeline, demo, demo_faces):
    folder, _ = demo
    for name in ("grace-hopper-soft.jpg", "together-far-apart.png", "coffee.jpg"):
        alone = sorted(analyse(pipeline, folder / name), key=lambda f: f.box[0])
        assert len(alone) == len(demo_faces[name])
        for one, other in zip(alone, demo_faces[name], strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=1e-2)
            np.testing.assert_allclose(one.embedding, other.embedding, atol=1e-3)


# --- Large photos -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("face_scale", "at", "scales"),
    [
        (4, (1300, 500), [0.5]),  # a face of 350 pixels: half of them are more than the crop's 150
        (1, (3100, 2100), [0.5, 1]),  # a face of 90 pixels: the crop wants every one
    ],
)
def test_a_large_jpeg_is_decoded_small_and_its_crops_lose_nothing(pipeline, tmp_path, decodes, face_scale, at, scales):
    path = on_canvas(tmp_path / "large.jpg", face_scale, at)
    (found,) = analyse(pipeline, path)
    assert [scale for _, scale in decodes] == scales

    # the face is where it was pasted, in pixels of the whole photo
    small = tmp_path / "astronaut.png"
    ASTRONAUT.save(small)
    (expected,) = analyse(pipeline, small)
    home = np.array(expected.box) * face_scale + (*at, *at)
    np.testing.assert_allclose(found.box, home, atol=12 * face_scale)
    landmarks = expected.landmarks * face_scale + at
    np.testing.assert_allclose(found.landmarks, landmarks, atol=5 * face_scale)

    # and the crop is the one that the whole photo gives
    pre = pipeline.embedder.spec.preprocessing
    crop = align(open_photo(path).decode().rgb, found.landmarks, pre)
    assert np.abs(crop.astype(int) - found.crop).mean() < 3
    assert found.sharpness == pytest.approx(sharpness(crop), rel=0.2)
    assert l2(found.embedding, pipeline.embedder.embed([crop])[0]) < 0.1
    assert l2(found.embedding, expected.embedding) < 0.25


def test_two_faces_get_the_detail_of_the_smaller_one(pipeline, tmp_path, decodes):
    path = tmp_path / "two.jpg"
    canvas = Image.new("RGB", (4000, 3000), "grey")
    canvas.paste(ASTRONAUT.resize((2048, 2048), Image.Resampling.LANCZOS), (100, 500))
    canvas.paste(ASTRONAUT, (3000, 1500))
    canvas.save(path, quality=95)
    faces = analyse(pipeline, path)
    assert len(faces) == 2
    assert [scale for _, scale in decodes] == [0.5, 1]
    assert l2(faces[0].embedding, faces[1].embedding) < 0.25


def test_a_photo_without_faces_and_a_small_photo_are_decoded_once(pipeline, demo, decodes, tmp_path):
    folder, _ = demo
    Image.new("RGB", (4000, 3000), (50, 90, 70)).save(tmp_path / "wall.jpg")
    assert analyse(pipeline, tmp_path / "wall.jpg") == []
    assert len(analyse(pipeline, folder / "together.jpg")) == 2
    assert len(analyse(pipeline, folder / "grace-hopper-close-up.png")) == 1
    assert decodes == [("wall.jpg", 0.5), ("together.jpg", 1), ("grace-hopper-close-up.png", 1)]


def test_a_large_png_gives_what_a_large_jpeg_gives(pipeline, tmp_path, decodes):
    """No format but JPEG decodes at a reduced size; averaging does it for the others."""
    jpeg = on_canvas(tmp_path / "large.jpg", 3, (1200, 700))
    png = tmp_path / "large.png"
    Image.open(jpeg).save(png, compress_level=1)
    (one,), (other,) = analyse(pipeline, jpeg), analyse(pipeline, png)
    assert decodes[-1] == ("large.png", 1)
    np.testing.assert_allclose(one.box, other.box, atol=10)
    np.testing.assert_allclose(one.landmarks, other.landmarks, atol=6)
    assert l2(one.embedding, other.embedding) < 0.1


# --- Which faces are wanted -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "wanted", "expected"),
    [
        ((100, 80), None, 20),
        ((2000, 500), None, 20),
        ((1500, 4000), None, 20),
        ((4000, 3000), None, 40),
        ((4000, 3000), 15, 15),
    ],
)
def test_smallest_face(fake_pipeline, size, wanted, expected):
    fake_pipeline.detection = DetectionConfig(min_face_px=wanted)
    assert fake_pipeline.min_face_px(size) == expected


def test_min_face_is_in_pixels_of_the_photo(pipeline, tmp_path):
    """A face of 270 pixels in a large JPEG that is decoded at a half, and at an eighth."""
    path = on_canvas(tmp_path / "large.jpg", 3, (500, 200), (2400, 1800))
    faces = {}
    for min_face in (40, 200, 700):
        other = Pipeline(pipeline.embedder, load_detector(), detection=DetectionConfig(min_face_px=min_face))
        photo = other.load_photo(LocalFiles().read(str(path)))
        faces[min_face] = [tuple(np.round(face.box)) for face in other.detect([photo])[0]]
    assert [len(faces[min_face]) for min_face in faces] == [1, 1, 0]
    np.testing.assert_allclose(faces[40], faces[200], atol=30)


def square(x: float, y: float, side: float, score: float = 0.99) -> Face:
    return Face((x - side / 2, y - side / 2, x + side / 2, y + side / 2), score=score)


def test_prominence_by_rules():
    size = (800, 600)
    centre, corner = square(400, 300, 100), square(740, 540, 100)
    assert prominence(centre, size) > prominence(corner, size), "the one in the middle"
    assert prominence(square(400, 300, 120), size) > prominence(centre, size), "the larger one"
    assert prominence(square(250, 300, 150), size) > prominence(centre, size), "size before place"
    assert prominence(square(400, 300, 100, 0.7), size) < prominence(centre, size), "the surer one"
    assert prominence(square(250, 300, 100), size) == pytest.approx(prominence(square(550, 300, 100), size))
    assert prominence(square(900, 700, 100), size) >= 0, "beyond the edge"


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1), st.floats(0.7, 1), st.floats(0.1, 10))
def test_prominence_ranks_alike_at_every_size_of_the_photo(x, y, side, score, factor):
    size, larger = (800, 600), (800 * factor, 600 * factor)
    face = square(800 * x, 600 * y, 600 * side, score)
    enlarged = face.scaled(factor)
    assert prominence(enlarged, larger) == pytest.approx(prominence(face, size) * factor**2, rel=1e-6, abs=1e-6)


def test_main_face(demo, demo_faces):
    folder, _ = demo
    faces = demo_faces["together.jpg"]
    size = open_photo(folder / "together.jpg").size
    assert main_face(faces, size) is faces[0]  # Hopper's face is twice as large
    assert main_face(faces[::-1], size) is faces[0]
    assert main_face([], size) is None


# --- Many photos, some of them bad ------------------------------------------------------------------------------------


def test_no_photos(pipeline):
    assert pipeline.analyse([]) == []
    assert pipeline.detect([]) == []
    assert list(pipeline.main_faces([])) == []


def test_main_faces_keep_their_places(fake_pipeline, picture, tmp_path):
    """More than are loaded at once, with files among them that cannot be read and pictures without a face."""
    paths, expected = [], []
    for i in range(40):
        path = tmp_path / f"{i}.png"
        if i % 7 == 3:
            path.write_bytes(b"no photo")
        elif i % 7 == 5:
            Image.new("RGB", (64, 64)).save(path)  # black: the fake detector finds nothing
        else:
            picture.save(path, str(i))
        paths.append(str(path))
        expected.append(None if i % 7 in (3, 5) else analyse(fake_pipeline, path)[0].embedding)
    found = list(fake_pipeline.main_faces(iter(paths)))
    assert len(found) == 40
    for face, embedding in zip(found, expected, strict=True):
        if embedding is None:
            assert face is None
        else:
            assert face is not None
            np.testing.assert_allclose(face.embedding, embedding, atol=1e-5)


def test_main_faces_are_loaded_as_they_are_asked_for(fake_pipeline, picture, tmp_path, decodes, monkeypatch):
    monkeypatch.setattr("facesearch.pipeline.pipeline.CORES", 2)
    monkeypatch.setattr(
        "facesearch.pipeline.pipeline.MAIN_FACES_AT_ONCE", 4
    )  # three batches at most are begun for the first face
    paths = [str(picture.save(tmp_path / f"{i}.png", str(i))) for i in range(40)]
    faces = fake_pipeline.main_faces(paths)
    next(faces)
    assert 1 <= len(decodes) < 40


@pytest.fixture
def spoilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two photos and, between them, one that cannot be decoded a second time, which its crops want."""
    paths = []
    for name, size in (("first.jpg", (64, 64)), ("large.jpg", (4000, 3200)), ("last.jpg", (64, 64))):
        Image.effect_noise(size, 50).convert("RGB").save(tmp_path / name)
        paths.append(str(tmp_path / name))
    decode = PhotoFile.decode

    def once(self: PhotoFile, min_scale: float = 1.0):
        if min_scale == 1.0 and self.path.endswith("large.jpg"):
            raise PhotoError("not enough memory to decode it")
        return decode(self, min_scale)

    monkeypatch.setattr(PhotoFile, "decode", once)
    monkeypatch.setattr(Pipeline, "_detail", lambda self, face: 1.0)  # every face is so small that it wants all pixels
    return paths


def test_a_photo_that_cannot_be_decoded_again_harms_no_other(fake_pipeline, spoilt):
    media = [LocalFiles().read(path) for path in spoilt]
    first, large, last = fake_pipeline.analyse(media)
    assert (large.reason, large.faces) == ("not enough memory to decode it", ())
    for medium, result in ((media[0], first), (media[2], last)):
        (expected,) = fake_pipeline.analyse([medium])[0].faces
        (face,) = result.faces
        np.testing.assert_allclose(face.embedding, expected.embedding, atol=1e-6)


def test_the_main_face_of_a_photo_that_cannot_be_decoded_again_is_none(fake_pipeline, spoilt):
    assert [face is None for face in fake_pipeline.main_faces(spoilt)] == [False, True, False]


def test_a_result_holds_what_the_photo_tells(fake_pipeline, tmp_path):
    bad, good = tmp_path / "bad.jpg", tmp_path / "good.jpg"
    Image.effect_noise((640, 480), 50).convert("RGB").save(good)
    bad.write_bytes(good.read_bytes()[:200])
    media = [LocalFiles().read(str(path)) for path in (bad, good)]
    broken, result = fake_pipeline.analyse(media)
    assert broken == PhotoResult(media[0].sha256, reason=broken.reason)
    assert broken.reason
    assert (result.sha256, result.size, result.min_face_px, result.reason) == (media[1].sha256, (640, 480), 20, "")
    (face,) = result.faces
    assert face.crop is None
    assert face.sharpness > 0
