"""Aligning a folder of people: what comes out, what is left out, and what a run that was cut off leaves to the next."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
from bad_photos import make_bad_photos
from conftest import Picture
from fakes import FakeDetector
from PIL import ExifTags, Image, ImageDraw

from facesearch.core.errors import InputError
from facesearch.core.types import Face
from facesearch.detection import load as load_detector
from facesearch.media import LocalFiles
from train import aligning, looking
from train.aligning import align
from train.looking import WIDE
from train.manifest import MANIFEST, SETTINGS, Entry, read_manifest

# One for each landmark.
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]


class Faces(FakeDetector):
    """Instead of one face in the middle: a small one in a corner, sure, and the one in the middle, less sure."""

    def _faces(self, image: np.ndarray) -> list[Face]:
        return [face.scaled(0.2) for face in super()._faces(image)] + super()._faces(image)


class Painted(FakeDetector):
    """The landmarks are where COLOURS are painted, in whatever size the image is looked at."""

    def _faces(self, image: np.ndarray) -> list[Face]:
        points = np.array([_centre(image, colour) for colour in COLOURS], np.float32)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        width, height = right - left, bottom - top
        return [Face((left - width / 2, top - height, right + width / 2, bottom + height / 2), points, 0.999)]


def _centre(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Centre of gravity of all that is more of the colour than of the others, in continuous pixels."""
    weight = (image.astype(float) @ (2 * np.array(colour) / 255 - 1)).clip(min=0) ** 2
    weight[weight < weight.max() / 2] = 0  # colours that have a channel in common
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    return np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()


@pytest.fixture
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "load_detector", lambda *_, **__: FakeDetector())


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Four images of two people, for the fake detector."""
    for name in ("anna/1.jpg", "anna/2.png", "bob/1.jpg", "bob/summer/3.webp"):
        Picture.save(tmp_path / "people" / name, name)
    return tmp_path / "people"


def _portrait() -> Image.Image:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return Image.open(file).convert("RGB")


def _painted(degrees: float) -> Image.Image:
    """700 x 600 black pixels with a disc of each colour where WIDE has the landmarks of an upright face."""
    picture = Image.new("RGB", (224, 224))
    for (x, y), colour in zip(WIDE.landmarks, COLOURS, strict=True):
        ImageDraw.Draw(picture).ellipse((x - 5, y - 5, x + 5, y + 5), colour)
    canvas = Image.new("RGB", (700, 600))
    canvas.paste(picture.rotate(degrees, Image.Resampling.BICUBIC).resize((448, 448)), (130, 80))
    return canvas


@pytest.fixture(scope="module")
def hopper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo, twice: as it is, and larger, on its side, with an orientation in its EXIF."""
    folder = tmp_path_factory.mktemp("real") / "grace"
    folder.mkdir()
    portrait, exif = _portrait(), Image.Exif()
    portrait.save(folder / "plain.png")
    exif[ExifTags.Base.Orientation] = 6
    larger = portrait.resize((portrait.width * 3, portrait.height * 3), Image.Resampling.BICUBIC)
    larger.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", quality=95, exif=exif)
    return folder.parent


def _entries(out: Path) -> dict[str, Entry]:
    return {entry.source: entry for entry in read_manifest(out)}


def _files(out: Path) -> set[str]:
    """Everything in the folder but the lock."""
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} - {".lock"}


def _no_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_eyes(device: str) -> None:
        raise AssertionError(f"nothing had to be looked at on {device}")

    monkeypatch.setattr(looking.Eyes, "open", open_eyes)


class TestCrops:
    @pytest.mark.parametrize(("style", "side"), [("aligned", 224), ("box", 182)])
    def test_landmarks_of_the_manifest_are_those_found_in_the_crop(
        self, hopper: Path, tmp_path: Path, style: str, side: int
    ) -> None:
        align(hopper, tmp_path / "out", style=style, device="cpu")
        entries = _entries(tmp_path / "out")
        assert len(entries) == 2
        for entry in entries.values():
            crop = np.asarray(Image.open(tmp_path / "out" / str(entry.file)))
            assert crop.shape == (side, side, 3)
            again = max(load_detector().detect([crop], [40])[0], key=lambda face: face.score)
            off = np.linalg.norm(again.landmarks - np.array(entry.landmarks), axis=1)
            # of 81 pixels between the eyes: what a detector's own landmarks move by from one scale to another
            assert off.mean() < 8, (entry, again)

    def test_aligned_faces_lie_on_the_template(self, hopper: Path, tmp_path: Path) -> None:
        align(hopper, tmp_path / "out", device="cpu")
        for entry in _entries(tmp_path / "out").values():
            off = np.array(entry.landmarks) - (np.array(WIDE.landmarks) + 0.5)
            np.testing.assert_allclose(off.mean(axis=0), 0, atol=0.02)  # a least-squares fit has the same centre
            assert np.abs(off).max() < 15

    @pytest.mark.parametrize("style", ["aligned", "box"])
    @pytest.mark.parametrize("degrees", [0, 25, 170])
    def test_what_is_painted_at_the_landmarks_is_there_in_the_crop(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str, degrees: float
    ) -> None:
        monkeypatch.setattr(looking, "load_detector", lambda *_, **__: Painted())
        monkeypatch.setattr(looking, "QUICK_MIN_FACE_SHARE", 0)  # a smaller picture would tell the centres less well
        (tmp_path / "people/anna").mkdir(parents=True)
        _painted(degrees).save(tmp_path / "people/anna/1.png")
        align(tmp_path / "people", tmp_path / "out", style=style)
        (entry,) = read_manifest(tmp_path / "out")
        crop = np.asarray(Image.open(tmp_path / "out/anna/1.jpg"))
        found = [_centre(crop, colour) for colour in COLOURS]
        np.testing.assert_allclose(found, entry.landmarks, atol=0.3)

    @pytest.mark.usefixtures("_fakes")
    def test_a_box_is_stretched_with_its_margin_clipped(self, tmp_path: Path) -> None:
        # the fake face is 50..150 x 10..30: with 22 px of margin 28..172 x 0..40, the photo's height
        Picture.save(tmp_path / "people/anna/1.png", "wide", (200, 40))
        align(tmp_path / "people", tmp_path / "out", style="box")
        (entry,) = read_manifest(tmp_path / "out")
        expected = [((x * 200 - 28) * 182 / 144, y * 182) for x, y in
                    [(0.4, 0.4), (0.6, 0.4), (0.5, 0.5), (0.42, 0.6), (0.58, 0.6)]]  # fmt: skip
        np.testing.assert_allclose(entry.landmarks, expected, atol=0.01)
        photo = Image.open(tmp_path / "people/anna/1.png").convert("RGB")
        wanted = photo.resize((182, 182), Image.Resampling.BILINEAR, (28, 0, 172, 40))
        crop = np.asarray(Image.open(tmp_path / "out/anna/1.jpg"), np.float64)
        assert np.abs(crop - np.asarray(wanted)).mean() < 2

    def test_the_most_prominent_of_several_faces_is_taken(
        self, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(looking, "load_detector", lambda *_, **__: Faces())
        report = align(people, tmp_path / "both")
        monkeypatch.setattr(looking, "load_detector", lambda *_, **__: FakeDetector())
        align(people, tmp_path / "one")
        both, one = _entries(tmp_path / "both"), _entries(tmp_path / "one")
        assert report.several == 4
        for source in one:
            assert both[source].faces == 2
            assert both[source].landmarks == one[source].landmarks
            crops = [(tmp_path / place / str(one[source].file)).read_bytes() for place in ("both", "one")]
            assert crops[0] == crops[1]

    def test_a_small_face_is_found_at_the_second_look(self, tmp_path: Path) -> None:
        photo = _portrait()
        canvas = Image.new("RGB", (1200, 1200), (70, 90, 80))
        canvas.paste(photo.resize((photo.width // 3, photo.height // 3)), (450, 450))
        (tmp_path / "people/grace").mkdir(parents=True)
        canvas.save(tmp_path / "people/grace/far.jpg", quality=95)
        eyes = looking.Eyes.open("cpu")
        medium = LocalFiles().read(str(tmp_path / "people/grace/far.jpg"))
        assert eyes.quick.detect([eyes.quick.load_photo(medium)]) == [[]]
        assert align(tmp_path / "people", tmp_path / "out", device="cpu").aligned == 1


@pytest.mark.usefixtures("_fakes")
class TestRuns:
    def test_a_run_and_what_it_leaves(self, people: Path, tmp_path: Path) -> None:
        ticks: list[tuple[int, int]] = []
        report = align(people, tmp_path / "out", tick=lambda *done: ticks.append(done))
        assert (report.found, report.aligned, report.already, report.skipped) == (4, 4, 0, {})
        assert report.images_per_second > 0
        assert ticks[-1] == (4, 4)
        assert _files(tmp_path / "out") == {
            *("anna/1.jpg", "anna/2.jpg", "bob/1.jpg", "bob/summer/3.jpg"), MANIFEST, SETTINGS,
        }  # fmt: skip
        entries = _entries(tmp_path / "out")
        assert {entry.person for entry in entries.values()} == {"anna", "bob"}
        settings = json.loads((tmp_path / "out" / SETTINGS).read_text())
        assert (settings["style"], settings["size"], settings["source"]) == ("aligned", [224, 224], "people")

    def test_a_finished_run_loads_nothing(self, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        align(people, tmp_path / "out")
        before = (tmp_path / "out" / MANIFEST).read_bytes()
        _no_looking(monkeypatch)
        report = align(people, tmp_path / "out")
        assert (report.found, report.aligned, report.already) == (4, 0, 4)
        assert (tmp_path / "out" / MANIFEST).read_bytes() == before

    def test_goes_on_after_a_kill_in_the_middle_of_a_line(self, people: Path, tmp_path: Path) -> None:
        align(people, tmp_path / "out")
        whole = _entries(tmp_path / "out")
        manifest = tmp_path / "out" / MANIFEST
        manifest.write_bytes(manifest.read_bytes()[:-30])
        (tmp_path / "out" / ".12345.part").write_bytes(b"half a crop")
        report = align(people, tmp_path / "out")
        assert (report.aligned, report.already) == (1, 3)
        assert _entries(tmp_path / "out") == whole
        assert ".12345.part" not in _files(tmp_path / "out")

    @pytest.mark.parametrize("lose", [Path.unlink, lambda crop: crop.write_bytes(b"")], ids=["removed", "emptied"])
    def test_a_lost_crop_is_made_again(self, people: Path, tmp_path: Path, lose: Callable[[Path], object]) -> None:
        align(people, tmp_path / "out")
        crop = tmp_path / "out" / "anna" / "2.jpg"
        before = crop.read_bytes()
        lose(crop)
        report = align(people, tmp_path / "out")
        assert (report.aligned, report.already) == (1, 3)
        assert crop.read_bytes() == before

    def test_what_is_new_is_added(self, people: Path, tmp_path: Path) -> None:
        align(people, tmp_path / "out")
        Picture.save(people / "carl/1.jpg", "carl")
        assert align(people, tmp_path / "out").aligned == 1
        assert "carl/1.jpg" in _entries(tmp_path / "out")

    def test_ctrl_c_keeps_what_is_done(self, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(aligning, "BATCH_IMAGES", 1)

        def tick(done: int, _total: int) -> None:
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            align(people, tmp_path / "out", tick=tick)
        assert list(_entries(tmp_path / "out")) == ["anna/1.jpg", "anna/2.png"]
        assert (report := align(people, tmp_path / "out")).already == 2, report
        assert len(_entries(tmp_path / "out")) == 4

    def test_a_full_disk(self, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(aligning, "BATCH_IMAGES", 1)
        real, renamed = os.rename, []

        def rename(part: Path, path: Path) -> None:
            renamed.append(path)
            if len(renamed) < 4:  # align.json and two crops are whole, and this one is not
                return real(part, path)
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as full:
            full.setattr("facesearch.core.files.os.replace", rename)
            with pytest.raises(InputError, match=r"No space left.*goes on from there"):
                align(people, tmp_path / "out", workers=1)
        done = _entries(tmp_path / "out")
        assert len(done) == 2
        for entry in done.values():
            Image.open(tmp_path / "out" / str(entry.file)).load()
        assert not [name for name in _files(tmp_path / "out") if name.endswith(".part")]
        report = align(people, tmp_path / "out")
        assert (report.aligned, report.already) == (2, 2)


@pytest.mark.usefixtures("_fakes")
class TestNames:
    def test_no_crop_overwrites_another(self, tmp_path: Path) -> None:
        names = ["1.jpg", "1.png", "1.PNG.jpg", "1.webp", "1.JPG", "1.png.jpg"]
        for name in names:
            Picture.save(tmp_path / "people/anna" / name, name)
        align(tmp_path / "people", tmp_path / "out")
        entries = _entries(tmp_path / "out")
        files = [str(entry.file).casefold() for entry in entries.values()]
        assert len(set(files)) == len(names)
        assert entries["anna/1.jpg"].file == "anna/1.jpg"
        assert len({(tmp_path / "out" / str(entry.file)).read_bytes() for entry in entries.values()}) == len(names)

    def test_a_late_namesake_gets_another_name(self, tmp_path: Path) -> None:
        Picture.save(tmp_path / "people/anna/1.png", "first")
        align(tmp_path / "people", tmp_path / "out")
        before = (tmp_path / "out/anna/1.jpg").read_bytes()
        Picture.save(tmp_path / "people/anna/1.jpg", "second")
        align(tmp_path / "people", tmp_path / "out")
        assert (tmp_path / "out/anna/1.jpg").read_bytes() == before
        assert _entries(tmp_path / "out")["anna/1.jpg"].file == "anna/1.jpg.jpg"

    def test_a_folder_of_the_same_name(self, tmp_path: Path) -> None:
        for name in ("1.png", "1.jpg/2.png"):
            Picture.save(tmp_path / "people/anna" / name, name)
        assert align(tmp_path / "people", tmp_path / "out").aligned == 2

    def test_names_that_are_not_utf_8(self, tmp_path: Path) -> None:
        name = os.fsdecode(b"anna/caf\xe9.png")
        try:
            Picture.save(tmp_path / "people" / name, "latin")
        except OSError:
            pytest.skip("this file system takes UTF-8 only")
        align(tmp_path / "people", tmp_path / "out")
        assert list(_entries(tmp_path / "out")) == [name]
        assert align(tmp_path / "people", tmp_path / "out").already == 1


@pytest.mark.usefixtures("_fakes")
class TestSkipped:
    def test_bad_images_never_stop_a_run(self, tmp_path: Path) -> None:
        expected = make_bad_photos(tmp_path / "people" / "anna")
        report = align(tmp_path / "people", tmp_path / "out")
        entries = _entries(tmp_path / "out")
        assert entries.keys() == {f"anna/{name}" for name in expected}
        for name, reason in expected.items():
            entry = entries[f"anna/{name}"]
            assert (entry.file is None) == (reason is not None), entry
            assert (reason or "") in entry.reason
        assert report.found == report.aligned + sum(report.skipped.values()) == len(expected)

    def test_no_face_and_nobodys_image(self, people: Path, tmp_path: Path) -> None:
        Image.new("RGB", (64, 64)).save(people / "anna" / "black.png")
        Picture.save(people / "loose.jpg", "loose")
        report = align(people, tmp_path / "out")
        assert report.skipped == {"no face found": 1, "not in a person's folder": 1}
        assert _entries(tmp_path / "out")["anna/black.png"].reason == "no face found"
        assert "2 skipped (1 no face found, 1 not in a person's folder)" in str(report)
        assert align(people, tmp_path / "out").already == 6


@pytest.mark.usefixtures("_fakes")
class TestRefusals:
    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="nowhere is not a folder"):
            align(tmp_path / "nowhere", tmp_path / "out")

    def test_no_people(self, tmp_path: Path) -> None:
        Picture.save(tmp_path / "people/loose.jpg", "loose")
        with pytest.raises(InputError):
            align(tmp_path / "people", tmp_path / "out")

    @pytest.mark.parametrize("out", ["people", "people/out", "."])
    def test_crops_within_the_data_set(self, people: Path, tmp_path: Path, out: str) -> None:
        before = _files(people)
        with pytest.raises(InputError):
            align(people, tmp_path / out)
        assert _files(people) == before

    def test_another_style(self, people: Path, tmp_path: Path) -> None:
        align(people, tmp_path / "out", style="box")
        with pytest.raises(InputError, match='style "box", not "aligned"'):
            align(people, tmp_path / "out")

    def test_an_unknown_style(self, people: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="'aligned' or 'box', not 'round'"):
            align(people, tmp_path / "out", style="round")

    def test_another_data_set(self, people: Path, tmp_path: Path) -> None:
        align(people, tmp_path / "out")
        people.rename(tmp_path / "others")
        with pytest.raises(InputError, match='source "people", not "others"'):
            align(tmp_path / "others", tmp_path / "out")

    def test_a_folder_with_other_things(self, people: Path, tmp_path: Path) -> None:
        Picture.save(tmp_path / "album/anna/1.jpg", "precious")
        with pytest.raises(InputError):
            align(people, tmp_path / "album")
        assert _files(tmp_path / "album") == {"anna/1.jpg"}

    @pytest.mark.parametrize("text", ["{", "[1]"])
    def test_damaged_settings(self, people: Path, tmp_path: Path, text: str) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / SETTINGS).write_text(text)
        with pytest.raises(InputError):
            align(people, tmp_path / "out")

    def test_two_runs_at_once(self, people: Path, tmp_path: Path) -> None:
        refused = []

        def tick(_done: int, _total: int) -> None:
            with pytest.raises(InputError):
                align(people, tmp_path / "out")
            refused.append(True)

        align(people, tmp_path / "out", tick=tick)
        assert refused

    def test_out_is_a_file(self, people: Path, tmp_path: Path) -> None:
        (tmp_path / "out").write_text("a file")
        with pytest.raises(InputError):
            align(people, tmp_path / "out")
