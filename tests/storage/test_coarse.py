"""Many faces: lists of rounded vectors propose, exact distances decide, and SQLite stays the truth.

"Many" is more than 60 here: the same code as for a million, with fewer and shorter lists.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from index_samples import DIM, OTHER_SPEC, SPEC, a_photo, filled, move, put, unit
from numpy.typing import NDArray

from facesearch.core.errors import InputError
from facesearch.core.settings import SearchConfig
from facesearch.storage import Store, coarse
from facesearch.storage.vectors import FILE_NAME, STAMP_NAME, FaissIndex, kind_for

MANY = SearchConfig(exact_up_to=60)
COUNT = 400


@pytest.fixture(autouse=True)
def _few_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "LOOKED_AT", 10)


@pytest.fixture(scope="module")
def large_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index with faces 1 to COUNT, of strangers, in lists; copy it before changing it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coarse, "LOOKED_AT", 10)
        index = Store.create(tmp_path_factory.mktemp("large") / "library", SPEC, MANY)
        filled(index, COUNT)
        assert not index.vectors.exact
    index.close()
    return index.folder


@pytest.fixture
def large(large_folder: Path, tmp_path: Path) -> Iterator[Store]:
    """A copy of it, opened; nothing of it in memory."""
    index = Store.open(Path(shutil.copytree(large_folder, tmp_path / "library")), MANY)
    yield index
    index.close()


def brute_force(index: Store, query: NDArray[np.float32]) -> list[tuple[int, float]]:
    ids, vectors = index.embeddings()
    distances = np.sqrt(((vectors.astype(np.float64) - query.astype(np.float64)) ** 2).sum(axis=1))
    return [(int(ids[row]), float(distances[row])) for row in np.lexsort((ids, distances))]


def everywhere(index: Store) -> Store:
    """The same library, searched in all lists."""
    return Store.open(index.folder, SearchConfig(exact_up_to=60, probed=1.0))


def content(index: Store) -> tuple[list[int], NDArray[np.uint8]]:
    """Ids and rounded vectors of the cache file, by id."""
    cache = faiss.read_index(str(index.folder / FILE_NAME))
    ids, codes = coarse.ids_of(cache), coarse._codes_of(cache)
    order = np.argsort(ids)
    return ids[order].tolist(), codes[order]


def follows(index: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is brought up to date without being built, and holds what SQLite holds."""
    with monkeypatch.context() as patch:
        patch.setattr(FaissIndex, "build", None)
        held = len(index.vectors)
    ids, vectors = index.embeddings()
    found, codes = content(index)
    assert found == ids.tolist()
    assert held == len(ids)
    cache = faiss.read_index(str(index.folder / FILE_NAME))
    np.testing.assert_array_equal(codes, cache.sq.compute_codes(vectors))


# -- search -------------------------------------------------------------------------------------------------------


def test_distances_are_those_of_the_exact_embeddings(large: Store) -> None:
    for seed in range(1000, 1020):
        true = dict(brute_force(large, unit(seed)))
        found = large.search(unit(seed), 10)
        assert len(found) == 10
        assert [distance for _, distance in found] == pytest.approx([true[face] for face, _ in found], abs=1e-9)
        assert found == sorted(found, key=lambda pair: (pair[1], pair[0]))


def test_a_face_finds_itself_at_distance_0(large: Store) -> None:
    assert [large.search(unit(seed), 1) for seed in range(COUNT)] == [[(seed + 1, 0.0)] for seed in range(COUNT)]


def test_all_lists_together_miss_nothing(large: Store) -> None:
    careful = everywhere(large)
    for seed in range(1000, 1020):
        expected = brute_force(large, unit(seed))[:10]
        assert [face for face, _ in careful.search(unit(seed), 10)] == [face for face, _ in expected]
    careful.close()


def test_few_lists_look_at_few_faces() -> None:
    vectors = np.stack([unit(seed) for seed in range(1000)])
    index = coarse.build(np.arange(1000), vectors)
    looked_at = coarse.candidates(index, unit(5), 1, probed=0.01)
    assert 5 in looked_at
    assert len(coarse.candidates(index, unit(5), 1, probed=1.0)) >= len(looked_at)


@pytest.mark.parametrize("k", [COUNT // 2, COUNT, 10 * COUNT])
def test_many_neighbours_are_looked_for_everywhere(large: Store, k: int) -> None:
    found = large.search(unit(5), k)
    assert [face for face, _ in found] == [face for face, _ in brute_force(large, unit(5))[:k]]


@pytest.mark.parametrize("radius", [0.0, 0.5, 0.9, 2.0])
def test_everything_within_a_radius_is_found(large: Store, radius: float) -> None:
    expected = [(face, distance) for face, distance in brute_force(large, unit(3)) if distance <= radius]
    found = large.within(unit(3), radius)
    assert [face for face, _ in found] == [face for face, _ in expected]
    assert [distance for _, distance in found] == pytest.approx([distance for _, distance in expected], abs=1e-9)


def test_lists_are_made_alike_every_time() -> None:
    vectors = np.stack([unit(seed) for seed in range(500)])
    one, other = (coarse.build(np.arange(500), vectors) for _ in range(2))
    np.testing.assert_array_equal(faiss.serialize_index(one), faiss.serialize_index(other))


def test_a_face_that_another_process_removes_during_a_search_is_left_out(large: Store) -> None:
    vectors = large.vectors
    large.forget_paths(["/p/7"])
    ids, _ = vectors.search(unit(7), 5)
    assert 8 not in ids.tolist()
    assert len(ids) == 5
    with pytest.raises(RuntimeError, match="1 of 2"):
        vectors.vectors(np.array([8, 9]))


# -- the cache ----------------------------------------------------------------------------------------------------


def test_the_file_is_a_quarter_of_the_embeddings_and_holds_none_of_them(large: Store) -> None:
    data = (large.folder / FILE_NAME).read_bytes()
    assert not any(unit(seed).tobytes() in data for seed in range(COUNT))


def test_new_faces_are_added(large: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(large, 1, *(a_photo(f"/new/{i}", f"n{i}", [unit(5000 + i)]) for i in range(30)))
    follows(large, monkeypatch)
    assert large.search(unit(5029), 1) == [(COUNT + 30, 0.0)]


def test_removed_faces_go_from_the_file_at_once(large: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FaissIndex, "build", None)
        large.forget_paths([f"/p/{i}" for i in range(0, COUNT, 4)])
    assert content(large)[0] == [i + 1 for i in range(COUNT) if i % 4]
    follows(large, monkeypatch)


def test_a_face_that_changed_is_found_where_it_is_now(large: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with large.transaction() as connection:
        statement = "UPDATE faces SET embedding = ? WHERE id = 9"
        connection.exec_driver_sql(statement, (unit(7777).tobytes(),))
    follows(large, monkeypatch)
    assert large.search(unit(7777), 1) == [(9, 0.0)]


def test_a_restored_backup_is_followed_as_well(large: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is of a future that has not happened: the same ids with other faces."""
    put(large, 1, a_photo("/new/a", "a", [unit(6001)]))
    _ = large.vectors
    with large.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM faces WHERE id = ?", (COUNT + 1,))
        connection.exec_driver_sql("UPDATE sqlite_sequence SET seq = ? WHERE name = 'faces'", (COUNT,))
    put(large, 1, a_photo("/new/b", "b", [unit(6002)]))
    follows(large, monkeypatch)
    assert large.search(unit(6002), 1) == [(COUNT + 1, 0.0)]


@pytest.mark.parametrize("name", [FILE_NAME, STAMP_NAME])
def test_damage_in_a_stale_file_is_not_carried_on(large: Store, name: str) -> None:
    before, _ = content(large)
    put(large, 1, a_photo("/new/a", "a", [unit(6001)]))
    data = bytearray((large.folder / name).read_bytes())
    data[len(data) * 2 // 3] ^= 1
    (large.folder / name).write_bytes(data)
    assert large.search(unit(6001), 1) == [(COUNT + 1, 0.0)]
    ids, codes = content(large)
    assert ids == [*before, COUNT + 1]
    cache = faiss.read_index(str(large.folder / FILE_NAME))
    np.testing.assert_array_equal(codes, cache.sq.compute_codes(large.embeddings()[1]))


def test_the_stale_file_of_another_library_is_not_followed(large: Store) -> None:
    path = large.folder / STAMP_NAME
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "library": "0" * 32}))
    assert FaissIndex.stale(large.folder, large.uuid, large._read_exact, MANY) is None
    assert large.search(unit(4), 1) == [(5, 0.0)]
    assert json.loads(path.read_bytes())["library"] == large.uuid


@pytest.mark.parametrize("dim", [DIM, 2 * DIM])
def test_another_model_gets_lists_of_its_own(large: Store, dim: int) -> None:
    spec = replace(OTHER_SPEC, dim=dim)
    move(large, spec, {i + 1: unit(9000 + i, dim) for i in range(COUNT)})
    held = faiss.read_index(str(large.folder / FILE_NAME))
    fresh = coarse.build(np.arange(COUNT), np.stack([unit(9000 + i, dim) for i in range(COUNT)]))
    np.testing.assert_array_equal(held.quantizer.reconstruct_n(), fresh.quantizer.reconstruct_n())
    assert large.search(unit(9003, dim), 1) == [(4, 0.0)]


def test_a_library_that_outgrows_its_lists_gets_new_ones(large: Store) -> None:
    before = faiss.read_index(str(large.folder / FILE_NAME)).nlist
    put(large, 1, *(a_photo(f"/new/{i}", f"n{i}", [unit(5000 + i)]) for i in range(4 * COUNT)))
    _ = large.vectors
    assert faiss.read_index(str(large.folder / FILE_NAME)).nlist > 2 * before


def test_the_kind_follows_the_size_in_both_directions(tmp_path: Path) -> None:
    index = Store.create(tmp_path / "library", SPEC, MANY)
    vectors = filled(index, 60)
    assert index.vectors.exact
    put(index, 1, a_photo("/p/one-more", "one more", [unit(61)]))
    assert not index.vectors.exact
    assert sorted(index.vectors.ids().tolist()) == list(range(1, 62))
    np.testing.assert_array_equal(index.vectors.vectors(np.array([3, 1])), vectors[[2, 0]])
    index.forget_paths(["/p/one-more"])
    assert index.vectors.exact
    index.forget_paths([f"/p/{i}" for i in range(60)])
    assert index.search(unit(1), 1) == index.within(unit(1), 2.0) == []
    index.close()


def test_a_file_of_the_kind_of_another_setting_is_built_again(large: Store) -> None:
    flat = Store.open(large.folder)
    assert flat.vectors.exact
    assert flat.search(unit(3), 1) == [(4, 0.0)]
    flat.close()
    assert not large.vectors.exact


# -- settings -----------------------------------------------------------------------------------------------------


def test_the_kind_is_explained() -> None:
    assert kind_for(60, MANY) == "flat: every face is compared (exact, up to 60 faces)"
    assert kind_for(10_000, MANY) == (
        "lists: candidates from 12 of about 100 lists of alike faces, distances exact (more than 60 faces)"
    )


def test_of_few_enough_faces_every_list_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coarse, "LOOKED_AT", 250)
    counts = [coarse.looked_into(lists, count, 0.125) for lists, count in [(15, 225), (20, 500), (100, 10_000)]]
    assert counts == [15, 10, 12]


@pytest.mark.parametrize("wrong", [{"exact_up_to": -1}, {"probed": 0.0}, {"probed": 1.5}])
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        SearchConfig(**wrong)  # type: ignore[arg-type]
