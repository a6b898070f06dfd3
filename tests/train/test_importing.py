"""Data sets of aligned crops -> what `train align` writes: what comes out, damage, and runs that were cut off."""

import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from packed_samples import (
    COLOURS,
    MAGIC,
    crop,
    encoded,
    image_record,
    painted,
    write_records,
    write_shard,
    write_train_rec,
)
from PIL import Image

from facesearch.core.errors import InputError
from facesearch.embedding.templates import ARCFACE_112
from facesearch.pipeline.alignment import similarity
from train import importing
from train.dataset import load_crop, read_faces
from train.importing import import_crops
from train.looking import WIDE
from train.manifest import MANIFEST, SETTINGS, Entry, read_manifest
from train.recordio import InsightFaceSet, RecordFile

PEOPLE = [0, 0, 1, 1, 1, 20]


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    return write_train_rec(tmp_path / "faces_small" / "train.rec", PEOPLE)


def entries(out: Path) -> dict[str, Entry]:
    return {entry.source: entry for entry in read_manifest(out)}


def cut(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])


class TestCrops:
    def test_faces_of_a_rec_are_what_training_reads(self, rec: Path, tmp_path: Path) -> None:
        report = import_crops(rec, tmp_path / "out")
        assert (report.found, report.aligned, report.already, report.skipped) == (6, 6, 0, {})
        faces = read_faces(tmp_path / "out")
        assert faces.people == ["0000000", "0000001", "0000020"]
        assert faces.summary()["images_per_person"] == [1, 2.0, 3]
        assert faces.summary()["aligned"] is True
        assert faces.images[0].path == tmp_path / "out" / "0000000" / "00000001.jpg"
        assert load_crop(faces.images[0], WIDE).shape == (224, 224, 3)

    def test_what_is_painted_at_the_landmarks_is_there_in_the_crop(self, tmp_path: Path) -> None:
        write_shard(tmp_path / "one.tar", {"a.cls": b"3", "a.png": painted()})
        import_crops(tmp_path / "one.tar", tmp_path / "out")
        (entry,) = read_manifest(tmp_path / "out")
        pixels = np.asarray(Image.open(tmp_path / "out" / str(entry.file))).astype(float)
        assert pixels.shape == (224, 224, 3)
        for (x, y), colour in zip(entry.landmarks, COLOURS, strict=True):
            weight = (pixels @ (2 * np.array(colour) / 255 - 1)).clip(min=0) ** 2
            weight[weight < weight.max() / 2] = 0
            ys, xs = np.mgrid[:224, :224] + 0.5
            found = np.array([(xs * weight).sum(), (ys * weight).sum()]) / weight.sum()
            np.testing.assert_allclose(found, (x, y), atol=0.3)

    def test_landmarks_lie_where_the_templates_fit_best_and_the_outside_is_black(
        self, rec: Path, tmp_path: Path
    ) -> None:
        import_crops(rec, tmp_path / "out")
        entry = next(read_manifest(tmp_path / "out"))
        template = np.array(ARCFACE_112) + 0.5
        to_crop = similarity(template, np.array(WIDE.landmarks) + 0.5)
        np.testing.assert_allclose(entry.landmarks, to_crop(template), atol=0.006)
        left = to_crop(np.zeros((1, 2)))[0, 0]
        pixels = np.asarray(Image.open(tmp_path / "out" / str(entry.file)))
        assert left > 3
        assert pixels[:, : int(left) - 2].max() < 12
        assert pixels[112, int(left) + 3].max() > 20

    @pytest.mark.parametrize(("size", "taken"), [((224, 224), True), ((96, 112), True), ((112, 96), False)])
    def test_other_shapes(self, tmp_path: Path, size: tuple[int, int], taken: bool) -> None:
        image = encoded(Image.new("RGB", size, (90, 80, 70)), "PNG")
        write_shard(tmp_path / "one.tar", {"a.cls": b"3", "a.png": image})
        report = import_crops(tmp_path / "one.tar", tmp_path / "out")
        assert report.aligned == taken
        assert taken or report.skipped == {"112 x 96 pixels are no crop aligned to ArcFace's template": 1}


class TestRecordFiles:
    def test_labels_and_images(self, rec: Path) -> None:
        with RecordFile(rec) as records:
            assert records.record(0).labels == (7.0, 10.0)
            assert (records.record(1).flag, records.record(1).labels) == (2, (0.0, 0.0))
            assert (records.record(2).flag, records.record(2).image) == (0, crop(2))
            assert len(records) == 1 + 6 + 3

    def test_a_record_in_parts(self, tmp_path: Path) -> None:
        whole = image_record([5.0], MAGIC + b"abcd" + MAGIC + MAGIC + b"x")
        path = write_records(tmp_path / "a.rec", {0: image_record([1.0], b"first"), 3: whole})
        assert path.read_bytes().count(MAGIC) == 5  # the first record, and four parts of the second
        with RecordFile(path) as records:
            assert records.record(1).image == MAGIC + b"abcd" + MAGIC + MAGIC + b"x"
            assert records.record(0).image == b"first"

    def test_without_a_record_of_people_every_record_is_an_image(self, tmp_path: Path) -> None:
        path = write_records(tmp_path / "a.rec", {key: image_record([key // 2], crop(key)) for key in range(4)})
        assert [image.source for image in InsightFaceSet(path).images()] == [
            "0000000/00000000.jpg", "0000000/00000001.jpg", "0000001/00000002.jpg", "0000001/00000003.jpg",
        ]  # fmt: skip

    def test_an_index_in_another_order(self, rec: Path) -> None:
        index = rec.with_suffix(".idx")
        index.write_text("".join(reversed(index.read_text().splitlines(keepends=True))))
        assert len(list(InsightFaceSet(rec).images())) == 6

    @pytest.mark.parametrize("label", [-1.0, 0.5, float("nan"), float("inf")])
    def test_labels_that_are_nobodys(self, tmp_path: Path, label: float) -> None:
        path = write_records(tmp_path / "a.rec", {0: image_record([label], crop(0)), 1: image_record([1.0], b"")})
        report = import_crops(path, tmp_path / "out")
        assert report.skipped == {"its label is no person's number or name": 1, "holds no image": 1}

    @pytest.mark.parametrize("keep", [0, 3, 30, 60, 2000])
    def test_cut_off(self, rec: Path, tmp_path: Path, keep: int) -> None:
        cut(rec, keep)
        with pytest.raises(InputError, match=r"train\.rec is damaged: record \d+ ") as caught:
            import_crops(rec, tmp_path / "out")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (b"junk" * 20, "does not begin with the magic number"),
            (MAGIC + struct.pack("<I", 3 << 29 | 24) + bytes(24), "begins with the middle"),
            (MAGIC + struct.pack("<I", 1 << 29 | 24) + bytes(24) + MAGIC + bytes(4), "has no end"),
            (MAGIC + struct.pack("<I", (1 << 29) - 1) + bytes(24), "is cut off"),
            (MAGIC + struct.pack("<I", 20) + bytes(20), "fewer than its head"),
            (MAGIC + struct.pack("<I", 24) + struct.pack("<IfQQ", 2**32 - 1, 0, 0, 0), "4,294,967,295 labels"),
        ],
    )
    def test_damaged(self, tmp_path: Path, content: bytes, complaint: str) -> None:
        (tmp_path / "a.rec").write_bytes(content)
        (tmp_path / "a.idx").write_text("0\t0\n")
        with pytest.raises(InputError, match=rf"a\.rec is damaged: record 0 .*{complaint}"):
            import_crops(tmp_path / "a.rec", tmp_path / "out")

    @pytest.mark.parametrize(
        "index", ["", "0\n", "a\tb\n", "0\t0\n0\t9\n", "0\t-5\n", "0\t99999999999999999999\n", "0\t1.5\n"]
    )
    def test_a_damaged_index(self, rec: Path, tmp_path: Path, index: str) -> None:
        rec.with_suffix(".idx").write_text(index)
        with pytest.raises(InputError, match=r"train\.idx is damaged"):
            import_crops(rec, tmp_path / "out")

    def test_an_index_of_fewer_images_than_announced(self, rec: Path, tmp_path: Path) -> None:
        lines = rec.with_suffix(".idx").read_text().splitlines(keepends=True)
        rec.with_suffix(".idx").write_text("".join(lines[:3] + lines[5:]))
        with pytest.raises(InputError, match=r"train\.rec is damaged: .* up to key 6, and its \.idx has 4"):
            import_crops(rec, tmp_path / "out")

    def test_no_index(self, rec: Path, tmp_path: Path) -> None:
        rec.with_suffix(".idx").unlink()
        with pytest.raises(InputError, match=r"train\.idx cannot be read: .* needs its \.idx beside it"):
            import_crops(rec, tmp_path / "out")


class TestShards:
    def test_classes_names_and_folders(self, tmp_path: Path) -> None:
        write_shard(tmp_path / "set" / "b.tar", {"x/1.jpg": crop(1), "x/1.cls": b"12\n", "x/2.jpg": crop(2)})
        write_shard(
            tmp_path / "set" / "a.tar",
            {
                "./1.v2.txt": b"not looked at",
                "1.json": b'{"label": "Anna B", "age": 7}',
                "1.JPG": crop(3),
                "2.json": b"12",
                "2.png": encoded(Image.new("RGB", (112, 112)), "PNG"),
                "README": b"no sample",
            },
        )
        report = import_crops(tmp_path / "set", tmp_path / "out")
        assert report.skipped == {"its label is no person's number or name": 1}
        assert {source: entry.file is not None for source, entry in entries(tmp_path / "out").items()} == {
            "Anna B/a-000000.jpg": True, "0000012/a-000001.jpg": True, "0000012/b-000000.jpg": True,
            "b-000001.jpg": False,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "label",
        [
            b'"../../etc"', b'".."', b'""', b'"a/b"', b'"a\\\\b"', b'"/root"', b'"a\\u0000"', b'"\\ud800"', b'"C:"',
            b'"' + b"x" * 300 + b'"', b"true", b"1.5", b"-3", b"null", b"[1]", b"{}", b"{", b"\xff", b"[" * 100_000,
            b"9" * 5000, b" " * (2 << 20),
        ],
    )  # fmt: skip
    def test_labels_that_no_folder_may_have(self, tmp_path: Path, label: bytes) -> None:
        write_shard(tmp_path / "a.tar", {"1.jpg": crop(1), "1.json": label, "2.cls": b"1", "2.jpg": crop(2)})
        report = import_crops(tmp_path / "a.tar", tmp_path / "out")
        assert report.skipped == {"its label is no person's number or name": 1}
        written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")}
        assert written == {"out/0000001/a-000001.jpg"}

    def test_images_that_are_none(self, tmp_path: Path) -> None:
        files = {"1.cls": b"1", "1.jpg": b"text", "2.cls": b"1", "3.cls": b"1", "3.jpg": crop(3)[:900]}
        write_shard(tmp_path / "a.tar", files)
        report = import_crops(tmp_path / "a.tar", tmp_path / "out")
        assert report.aligned == 0
        assert report.skipped["holds no image"] == 1
        assert sum(report.skipped.values()) == 3

    @pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    def test_long_names(self, tmp_path: Path, kind: int) -> None:
        stem = "x" * 90 + "/" + "é" * 40 if kind != tarfile.USTAR_FORMAT else "x" * 90 + "/" + "y" * 90
        write_shard(tmp_path / "a.tar", {f"{stem}.cls": b"1", f"{stem}.jpg": crop(1)}, kind)
        assert import_crops(tmp_path / "a.tar", tmp_path / "out").aligned == 1

    @pytest.mark.parametrize("keep", [0, 100, 511, 512, 1024, 1200, 1536, 2000, -1000, -1])
    def test_cut_off(self, tmp_path: Path, keep: int) -> None:
        path = write_shard(tmp_path / "a.tar", {"1.cls": b"1", "1.jpg": crop(1), "2.cls": b"1", "2.jpg": crop(2)})
        cut(path, keep if keep >= 0 else len(path.read_bytes().rstrip(b"\0")) + keep)
        with pytest.raises(InputError, match=r"a\.tar is damaged: ") as caught:
            import_crops(path, tmp_path / "out")
        assert "\n" not in str(caught.value)

    def test_a_damaged_head_is_not_the_end(self, tmp_path: Path) -> None:
        path = write_shard(tmp_path / "a.tar", {"1.cls": b"1", "1.jpg": crop(1), "2.cls": b"1", "2.jpg": crop(2)})
        data = bytearray(path.read_bytes())
        at = data.index(b"2.cls")
        data[at + 150] ^= 1
        path.write_bytes(data)
        with pytest.raises(InputError, match=rf"a\.tar is damaged: .* at byte {at:,}"):
            import_crops(path, tmp_path / "out")

    def test_two_files_that_hold_the_same(self, tmp_path: Path) -> None:
        path = write_shard(tmp_path / "a.tar", {"1.cls": b"1", "1.jpg": crop(1), "1.CLS": b"2"})
        with pytest.raises(InputError, match=r"a\.tar is damaged: 1 has two files \.CLS"):
            import_crops(path, tmp_path / "out")

    def test_a_compressed_archive_and_other_files(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "a.tar", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo("1.cls"))
        with pytest.raises(InputError, match=r"a\.tar is damaged"):
            import_crops(tmp_path / "a.tar", tmp_path / "out")


class TestRuns:
    def test_a_finished_run_makes_nothing(self, rec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import_crops(rec, tmp_path / "out")
        before = (tmp_path / "out" / MANIFEST).read_bytes()
        monkeypatch.setattr(importing, "recut", None)
        report = import_crops(rec, tmp_path / "out")
        assert (report.found, report.aligned, report.already) == (6, 0, 6)
        assert (tmp_path / "out" / MANIFEST).read_bytes() == before

    def test_ctrl_c_keeps_what_is_done(self, rec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importing, "BATCH_IMAGES", 1)
        ticks: list[tuple[int, int]] = []

        def tick(read: int, size: int) -> None:
            ticks.append((read, size))
            if len(ticks) == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            import_crops(rec, tmp_path / "out", workers=1, tick=tick)
        assert [size for _, size in ticks] == [rec.stat().st_size] * 2
        assert ticks[0][0] < ticks[1][0] < rec.stat().st_size
        assert list(entries(tmp_path / "out")) == ["0000000/00000001.jpg", "0000000/00000002.jpg"]
        report = import_crops(rec, tmp_path / "out")
        assert (report.aligned, report.already) == (4, 2)
        assert len(read_faces(tmp_path / "out")) == 6

    @pytest.mark.parametrize("lose", [Path.unlink, lambda crop: crop.write_bytes(b"")], ids=["removed", "emptied"])
    def test_goes_on_after_a_kill(self, rec: Path, tmp_path: Path, lose: Callable[[Path], object]) -> None:
        import_crops(rec, tmp_path / "out")
        whole, manifest = entries(tmp_path / "out"), tmp_path / "out" / MANIFEST
        manifest.write_bytes(manifest.read_bytes()[:-30])
        lost = tmp_path / "out" / "0000001" / "00000003.jpg"
        before = lost.read_bytes()
        lose(lost)
        report = import_crops(rec, tmp_path / "out")
        assert (report.aligned, report.already) == (2, 4)
        assert entries(tmp_path / "out") == whole
        assert lost.read_bytes() == before

    def test_a_damaged_set_keeps_what_was_before_the_damage(
        self, rec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "BATCH_IMAGES", 1)
        data = rec.read_bytes()
        with RecordFile(rec) as records:
            cut(rec, records.start(6) + 100)
        with pytest.raises(InputError, match=r"train\.rec is damaged: record 6 is cut off"):
            import_crops(rec, tmp_path / "out", workers=1)
        assert len(entries(tmp_path / "out")) >= 3
        rec.write_bytes(data)
        assert import_crops(rec, tmp_path / "out").found == 6

    def test_shards_are_added(self, tmp_path: Path) -> None:
        for name in ("a", "b"):
            write_shard(tmp_path / "set" / f"{name}.tar", {"1.cls": b"1", "1.jpg": crop(1)})
            report = import_crops(tmp_path / "set", tmp_path / "out")
        assert (report.aligned, report.already) == (1, 1)


class TestRefusals:
    def test_another_set(self, rec: Path, tmp_path: Path) -> None:
        import_crops(rec, tmp_path / "out")
        write_train_rec(tmp_path / "other" / "train.rec", [1, 2])
        with pytest.raises(InputError, match=r'source "faces_small/train\.rec", not "other/train\.rec"'):
            import_crops(tmp_path / "other" / "train.rec", tmp_path / "out")

    def test_no_such_set(self, tmp_path: Path) -> None:
        for name, complaint in (("none", "does not exist"), ("a.zip", "of no kind"), ("empty", "has 0 shards")):
            if name == "empty":
                (tmp_path / name).mkdir()
            elif name == "a.zip":
                (tmp_path / name).write_bytes(b"PK")
            with pytest.raises(InputError, match=complaint):
                import_crops(tmp_path / name, tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_a_folder_with_other_things(self, rec: Path) -> None:
        with pytest.raises(InputError, match=f"and no {SETTINGS}"):
            import_crops(rec, rec.parent)
