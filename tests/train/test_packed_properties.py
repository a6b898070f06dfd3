"""What was written into the field's formats, whatever it is, is what is read from them."""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packed_samples import MAGIC, image_record, write_bin, write_bin_of_python_2, write_records, write_shard

from facesearch.core.errors import InputError
from train.pair_sets import read_pair_set
from train.plain_pickle import read_plain_pickle
from train.recordio import InsightFaceSet, RecordFile
from train.shards import ShardSet

# With the magic number in some, on multiples of 4 bytes and beside them.
DATA = st.lists(st.one_of(st.binary(max_size=9), st.just(MAGIC)), max_size=5).map(b"".join)
IMAGE = DATA.filter(len)
PLAIN = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**2000), 2**2000), st.binary(max_size=300)),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.lists(inner, max_size=5).map(tuple)),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all examples: every file is written anew."""
    return tmp_path_factory.mktemp("packed")


@given(contents=st.dictionaries(st.integers(0, 2**40), st.tuples(st.lists(st.floats(width=32)), DATA), min_size=1))
def test_records(place: Path, contents: dict[int, tuple[list[float], bytes]]) -> None:
    written = {key: ([*labels, 1.0], image) for key, (labels, image) in contents.items()}
    path = write_records(place / "a.rec", {key: image_record(*parts) for key, parts in written.items()})
    with RecordFile(path) as records:
        assert records.keys.tolist() == sorted(written)
        for number, key in enumerate(sorted(written)):
            labels, image = written[key]
            record = records.record(number)
            assert struct.pack(f"<{len(labels)}f", *record.labels) == struct.pack(f"<{len(labels)}f", *labels)  # NaN
            assert record.image == image


@given(people=st.lists(st.tuples(st.integers(0, 2**24), IMAGE), min_size=1), announced=st.booleans())
def test_people_of_a_rec(place: Path, people: list[tuple[int, bytes]], announced: bool) -> None:
    contents = {key: image_record([person], image) for key, (person, image) in enumerate(people, start=1)}
    if announced:  # with the record of people, and one person's
        contents |= {0: image_record([len(people) + 1, len(people) + 2]), len(people) + 1: image_record([1, 2])}
    path = write_records(place / "a.rec", contents)
    assert [(image.source, image.data) for image in InsightFaceSet(path).images()] == [
        (f"{person:07d}/{key:08d}.jpg", image) for key, (person, image) in enumerate(people, start=1)
    ]


@given(st.lists(st.tuples(st.integers(0, 10**9), IMAGE, st.sampled_from(["cls", "json", "object"])), min_size=1))
def test_samples_of_a_shard(place: Path, samples: list[tuple[int, bytes, str]]) -> None:
    files: dict[str, bytes] = {}
    for number, (label, image, kind) in enumerate(samples):
        suffix, value = ("json", {"label": label}) if kind == "object" else (kind, label)
        files |= {f"{number}.jpg": image, f"{number}.{suffix}": json.dumps(value).encode()}
    found = list(ShardSet(write_shard(place / "a.tar", files)).images())
    assert [(image.source, image.data, image.problem) for image in found] == [
        (f"{label:07d}/a-{number:06d}.jpg", image, "") for number, (label, image, _) in enumerate(samples)
    ]


@given(pairs=st.lists(st.tuples(IMAGE, IMAGE, st.booleans()), min_size=1), protocol=st.integers(1, 5))
def test_pairs(place: Path, pairs: list[tuple[bytes, bytes, bool]], protocol: int) -> None:
    images, same = [image for *both, _ in pairs for image in both], [flag for *_, flag in pairs]
    for path in (
        write_bin(place / "a.bin", images, same, protocol),
        write_bin_of_python_2(place / "b.bin", images, same),
    ):
        found = read_pair_set(path)
        assert (list(found.images), found.same.tolist()) == (images, same)


@given(value=PLAIN, protocol=st.integers(3, 5))
def test_plain_pickles(value: object, protocol: int) -> None:
    assert read_plain_pickle(pickle.dumps(value, protocol)) == value


READERS: dict[str, Callable[[Path], object]] = {
    ".rec": lambda path: list(InsightFaceSet(path).images()),
    ".tar": lambda path: list(ShardSet(path).images()),
    ".bin": read_pair_set,
}


def _complaint(path: Path) -> str | None:
    """What is said of a file that cannot be read; None where it can be."""
    try:
        READERS[path.suffix](path)
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("suffix", READERS)
@given(draw=st.data())
def test_whatever_is_damaged_is_read_or_named(place: Path, suffix: str, draw: st.DataObject) -> None:
    path = place / f"damaged{suffix}"
    if suffix == ".rec":
        write_records(path, {0: image_record([3, 4]), 1: image_record([7], MAGIC * 3), 2: image_record([8, 0], b"x")})
    elif suffix == ".tar":
        write_shard(path, {"1.jpg": b"image", "1.cls": b"7", "2.json": b'"anna"', "2.jpg": b"x" * 600})
    else:
        write_bin_of_python_2(path, [b"image", b"x" * 300] * 2, [True, False])
    data = bytearray(path.read_bytes())
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=4)):
        data[at] = draw.draw(st.integers(0, 255))
    path.write_bytes(data[: draw.draw(st.integers(0, len(data)))])
    complaint = _complaint(path)
    assert complaint is None or (path.name in complaint and complaint.isprintable())
