"""InsightFace's .bin files: what is read, without unpickling, and that they are measured as pairs of LFW are."""

import contextlib
import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Answer, program
from packed_samples import crop, encoded, painted, write_bin, write_bin_of_python_2, write_train_rec
from PIL import Image

from facesearch import embedding
from facesearch.core.distance import l2
from facesearch.core.errors import InputError
from facesearch.core.settings import Preprocessing
from facesearch.embedding.templates import ARCFACE_112, FACENET_160
from facesearch.evaluation import kfold_accuracy, roc_auc
from facesearch.media import LocalFiles, Medium
from facesearch.pipeline.pipeline import Pipeline
from train.pair_sets import read_pair_set
from train.plain_pickle import read_plain_pickle
from train.prealigned import recut

SAME = [True, False, True, False, True]
# Pairs 0 and 2 are of equal images; image 1 is there twice more.
IMAGES = [crop(number) for number in (1, 1, 1, 2, 3, 3, 4, 5, 6, 7)]


class Harmful:
    """Unpickled, it makes a file."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.mark,)


class TestReading:
    @pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
    def test_as_python_3_writes_it(self, tmp_path: Path, protocol: int) -> None:
        data = write_bin(tmp_path / "lfw.bin", IMAGES, SAME, protocol)
        found = read_pair_set(data)
        assert found.images == tuple(IMAGES)
        assert found.same.tolist() == SAME

    def test_as_python_2_writes_it(self, tmp_path: Path) -> None:
        path = write_bin_of_python_2(tmp_path / "lfw.bin", [*IMAGES, b"short", b"other"], [*SAME, False])
        assert pickle.loads(path.read_bytes(), encoding="bytes") == ([*IMAGES, b"short", b"other"], [*SAME, False])
        found = read_pair_set(path)
        assert found.images == (*IMAGES, b"short", b"other")
        assert found.same.tolist() == [*SAME, False]

    def test_images_that_are_one_object_and_many(self, tmp_path: Path) -> None:
        images = [bytes([number % 256, number // 256]) for number in range(3000)] * 2
        assert read_pair_set(write_bin(tmp_path / "a.bin", images, [True, False] * 1500, 2)).images == tuple(images)

    def test_lists_tuples_and_numbers(self) -> None:
        for value in ([], (), (1,), (1, 2, 3), [1, [2, (3, b"")], 255, 65535, -7], True, b"x" * 70000, 1 << 40):
            assert read_plain_pickle(pickle.dumps(value, 4)) == value

    def test_each_image_is_named_once_and_folds_are_those_of_kfold(self, tmp_path: Path) -> None:
        pairs = read_pair_set(write_bin(tmp_path / "a.bin", IMAGES, SAME)).pairs
        assert [path.name for path in pairs.left] == ["000000", "000000", "000004", "000006", "000008"]
        assert [path.name for path in pairs.right] == ["000000", "000003", "000004", "000007", "000009"]
        assert len(pairs.photos) == 7
        many = read_pair_set(write_bin(tmp_path / "b.bin", [b"x"] * 46, [True] * 23)).pairs
        assert np.bincount(many.folds).tolist() == [3, 3, 3, 2, 2, 2, 2, 2, 2, 2]


class TestRefusals:
    @pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
    @pytest.mark.parametrize("within", [False, True])
    def test_nothing_in_a_file_is_run(self, tmp_path: Path, protocol: int, within: bool) -> None:
        harmful = Harmful(tmp_path / "run")
        value = ([harmful, *IMAGES[1:]], SAME) if within else harmful
        (tmp_path / "a.bin").write_bytes(pickle.dumps(value, protocol))
        with pytest.raises(InputError, match=r"a\.bin is damaged or no pair set of InsightFace: it holds ") as caught:
            read_pair_set(tmp_path / "a.bin")
        assert not (tmp_path / "run").exists()
        assert "\n" not in str(caught.value)

    def test_the_only_name_that_is_known_is_not_called_in_another_way(self) -> None:
        text = b"X\x01\x00\x00\x00a"
        for arguments in (text + b"X\x04\x00\x00\x00utf8\x86", text + b"\x85", b"K\x01K\x01\x86", b"]", text):
            with pytest.raises(ValueError, match="what is not there"):
                read_plain_pickle(b"\x80\x02c_codecs\nencode\n" + arguments + b"R.")
        with pytest.raises(ValueError, match=r"it holds os\.system"):
            read_plain_pickle(b"\x80\x02cos\nsystem\n.")

    def test_a_text_is_not_bytes(self, tmp_path: Path) -> None:
        (tmp_path / "a.bin").write_bytes(pickle.dumps((["a", "b"], [True]), 2))
        with pytest.raises(InputError, match="not a list of images"):
            read_pair_set(tmp_path / "a.bin")
        with pytest.raises(ValueError, match="latin-1"):
            read_plain_pickle(pickle.dumps("\u20ac", 2))

    @pytest.mark.parametrize("protocol", [2, 4])
    def test_cut_off_anywhere(self, protocol: int) -> None:
        data = pickle.dumps(([b"image one", b"image two"] * 2, [True, False]), protocol)
        for keep in range(len(data)):
            with pytest.raises(ValueError, match=r"."):
                read_plain_pickle(data[:keep])

    @pytest.mark.parametrize(
        "data",
        [b".", b"0.", b"e.", b"a.", b"(].", b"]K\x01.", b"K\x01K\x02a.", b"h\x05.", b"q\x00.", b"\x86.", b"(\x85.",
         b"R.", b"t.", b"\x00", b"\x8e" + b"\xff" * 8 + b"x.", b"B\xff\xff\xff\x7fx.", b"\xffD\xff\xd8"],
    )  # fmt: skip
    def test_what_no_program_writes(self, data: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            read_plain_pickle(data)

    def test_every_opcode_and_damage_end_in_a_value_error(self) -> None:
        whole = pickle.dumps(([b"image one", b"image two"] * 2, [True, False]), 2)
        codes = [opcode.code.encode("latin-1") for opcode in pickletools.opcodes]
        for at in range(2, len(whole)):
            for code in codes:
                with contextlib.suppress(ValueError):
                    read_plain_pickle(whole[:at] + code + whole[at + 1 :])

    @pytest.mark.parametrize(
        "value",
        [[], b"x", ([b"a", b"b"],), ([b"a"], [True]), ([b"a", b"b"], []), ([], []), ([b"a", b"b"], [2]),
         ([b"a", b"b"], [b"a"]), ([1, 2], [True]), (b"ab", [True])],
    )  # fmt: skip
    def test_other_values(self, tmp_path: Path, value: object) -> None:
        (tmp_path / "a.bin").write_bytes(pickle.dumps(value, 4))
        with pytest.raises(InputError, match=r"a\.bin is damaged or no pair set of InsightFace: it "):
            read_pair_set(tmp_path / "a.bin")

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"none\.bin cannot be read: No such file"):
            read_pair_set(tmp_path / "none.bin")

    @pytest.mark.parametrize("image", [crop(1)[:700], b"text", encoded(Image.new("RGB", (100, 60)))])
    def test_a_damaged_image(self, tmp_path: Path, image: bytes) -> None:
        found = read_pair_set(write_bin(tmp_path / "a.bin", [crop(1), image], [True]))
        with pytest.raises(InputError, match=r"a\.bin is damaged: image 1: "):
            found.crop(found.pairs.right[0], Preprocessing((112, 112), ARCFACE_112, (0.0,) * 3, (1.0,) * 3))


class TestCrops:
    def test_arcface_s_own_crop_stays_as_it_is(self) -> None:
        rgb, landmarks = recut(painted(), Preprocessing((112, 112), ARCFACE_112, (0.0,) * 3, (1.0,) * 3))
        np.testing.assert_allclose(landmarks, np.array(ARCFACE_112) + 0.5, atol=1e-9)
        np.testing.assert_array_equal(rgb, np.asarray(Image.open(io.BytesIO(painted()))))

    def test_another_network_s_template(self) -> None:
        rgb, landmarks = recut(painted(), Preprocessing((160, 160), FACENET_160, (0.0,) * 3, (1.0,) * 3))
        assert rgb.shape == (160, 160, 3)
        off = landmarks - (np.array(FACENET_160) + 0.5)
        np.testing.assert_allclose(off.mean(axis=0), 0, atol=1e-9)  # a least-squares fit has the same centre
        eyes = rgb[tuple(np.floor(landmarks[:2, ::-1]).astype(int).T)]
        assert eyes.argmax(axis=1).tolist() == [0, 1]  # the left one was painted red, the right one green


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    from train.cli import main

    return program("train", main, monkeypatch, capsys)


@pytest.fixture(scope="module")
def arcface_crops(demo: tuple[Path, dict[str, Any]]) -> dict[str, list[bytes]]:
    """Two people of the demo photos, aligned and encoded as InsightFace's sets are."""
    folder, people_of = demo
    pipeline = Pipeline.load(embedding.resolve("sface"), "cpu")  # whose crops are ArcFace's
    found: dict[str, list[bytes]] = {}
    for name, people in sorted(people_of.items()):
        if len(people) == 1 and len(found.setdefault(people[0], [])) < 4:
            (result,) = pipeline.analyse([_medium(folder / name)], keep_crops=True)
            found[people[0]] += [encoded(Image.fromarray(face.crop)) for face in result.faces[:1]]
    return found


def _medium(path: Path) -> Medium:
    return LocalFiles().read(str(path))


def _pairs(crops: dict[str, list[bytes]]) -> tuple[list[bytes], list[bool]]:
    (a, b), images, same = crops.values(), [], []
    for i in range(3):
        for left, right, one in ((a[i], a[i + 1], True), (a[i], b[i], False), (b[i], b[i + 1], True)):
            images += [left, right]
            same.append(one)
    return images, same


class TestCommand:
    @pytest.mark.parametrize("model", ["sface", "dlib"])
    def test_figures_are_those_of_the_embeddings_of_the_crops(
        self, train: Callable[..., Answer], arcface_crops: dict[str, list[bytes]], tmp_path: Path, model: str
    ) -> None:
        images, same = _pairs(arcface_crops)
        path = write_bin_of_python_2(tmp_path / "lfw.bin", images, same)
        answer = train("evaluate", "--model", model, "--bin", path, "--plots", tmp_path / "plots", "--json")
        figures = answer.json["lfw.bin"]
        spec = embedding.resolve(model)
        embedder = embedding.load_embedder(spec, "cpu")
        vectors = np.concatenate([embedder.embed([recut(image, spec.preprocessing)[0]]) for image in images])
        distances = l2(vectors[::2], vectors[1::2])
        assert figures["auc"] == roc_auc(distances, same) == 1.0
        assert figures["accuracy_mean"] == kfold_accuracy(distances, same, np.arange(9)).mean
        assert (figures["model"], figures["pairs"], figures["images"]) == (model, 9, len(set(images)))
        assert (figures["images_without_face"], figures["pairs_with_missing_face"]) == (0, 0)
        assert {file.name for file in (tmp_path / "plots").iterdir()} == {"roc_lfw.bin.png", "distances_lfw.bin.png"}

    def test_several_sets_and_what_cannot_be_meant(
        self, train: Callable[..., Answer], arcface_crops: dict[str, list[bytes]], tmp_path: Path
    ) -> None:
        files = [write_bin(tmp_path / name, *_pairs(arcface_crops)) for name in ("lfw.bin", "cfp_fp.bin")]
        assert list(train("evaluate", "--bin", files[0], "--bin", files[1], "--json").json) == ["lfw.bin", "cfp_fp.bin"]
        assert "have one name" in train("evaluate", "--bin", files[0], "--bin", files[0]).error
        files[0].write_bytes(files[0].read_bytes()[:-9])
        assert "lfw.bin is damaged" in train("evaluate", "--bin", files[0]).error

    def test_import(self, train: Callable[..., Answer], arcface_crops: dict[str, list[bytes]], tmp_path: Path) -> None:
        rec = write_train_rec(tmp_path / "set" / "train.rec", [0, 0, 1])
        answer = train("import", rec, tmp_path / "out")
        assert answer.out.startswith("3 of 3 images aligned, 0 done before, 0 skipped;"), answer
        assert train("import", rec, tmp_path / "out", "--json").json["already"] == 3
        assert "does not exist" in train("import", tmp_path / "none.rec", tmp_path / "out").error
