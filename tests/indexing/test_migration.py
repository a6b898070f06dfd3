"""Moving a library to another model or detector."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork, OtherDetector
from library_states import all_faces, check_vectors, faces_by_content
from migration_samples import (
    NEW_SPEC,
    PHOTOS,
    Move,
    NewNetwork,
    decide,
    indexed,
    pictures,
    pipeline_of,
    stopping_after,
)
from PIL import Image
from storage.library_rows import everything, smallest_faces

from facesearch.core.errors import LibraryError, ModelMismatchError
from facesearch.core.settings import DetectionConfig
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing.indexer import Progress, index_photos
from facesearch.indexing.migration import MigrationReport, plan
from facesearch.indexing.targets import offer, target_of
from facesearch.people import People
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store

BY_FACE = {"faces", "library", "photos"}


class NoDetector(FakeDetector):
    """For another model alone, faces must not be looked for."""

    def detect(self, *_: object) -> list[list]:  # type: ignore[type-arg]
        pytest.fail("faces were looked for")


@pytest.fixture
def network() -> NewNetwork:
    return NewNetwork()


@pytest.fixture
def to_model(network: NewNetwork) -> Move:
    return Move(network, NoDetector())


@pytest.fixture
def to_both(network: NewNetwork) -> Move:
    return Move(network, OtherDetector())


@pytest.fixture(params=["model", "detector", "both"])
def move(request: pytest.FixtureRequest, network: NewNetwork) -> Move:
    moves = {
        "model": Move(network, NoDetector()),
        "detector": Move(FakeNetwork(), OtherDetector()),
        "both": Move(network, OtherDetector()),
    }
    return moves[request.param]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = pictures(tmp_path / "photos")
    Image.new("RGB", (32, 32)).save(folder / "black.png")  # has no face
    return folder


@pytest.fixture
def index(tmp_path: Path, photos: Path) -> Iterator[Store]:
    made = indexed(tmp_path / "library", photos)
    yield made
    made.close()


# -- another model ----------------------------------------------------------------------------------------------------


def test_every_face_gets_what_indexing_would_give(index: Store, to_model: Move, tmp_path: Path, photos: Path) -> None:
    ids = index.embeddings()[0]
    states: list[tuple[int, int, int]] = []
    report = to_model(index, progress=lambda s: states.append((s.done, s.todo, s.faces)))
    assert (report.photos, report.faces, report.matched, report.added) == (PHOTOS + 1, PHOTOS, PHOTOS, 0)
    assert (report.dropped, report.stopped, report.unmatched) == (0, False, [])
    assert states[-1] == (PHOTOS, PHOTOS, PHOTOS)
    fresh = indexed(tmp_path / "fresh", photos, NewNetwork())
    assert index.embeddings()[0].tolist() == ids.tolist()
    np.testing.assert_allclose(index.embeddings()[1], fresh.embeddings()[1], atol=1e-6)
    assert all_faces(index) == all_faces(fresh)
    check_vectors(index)
    fresh.close()


# -- another detector -------------------------------------------------------------------------------------------------


def test_faces_are_where_indexing_would_find_them(index: Store, to_both: Move, tmp_path: Path, photos: Path) -> None:
    """But for those that it does not find, which stay."""
    before = {face.id: face for face in all_faces(index)}
    report = to_both(index)
    lost = {face.id for face in report.unmatched}
    assert (report.faces, report.matched, len(lost)) == (PHOTOS + report.added, PHOTOS - len(lost), len(lost))
    assert min(report.added, report.matched, len(lost)) > 3  # or this shows nothing
    fresh = indexed(tmp_path / "fresh", photos, NewNetwork(), OtherDetector())
    found, wanted = faces_by_content(index), faces_by_content(fresh)
    extra = [row for sha256 in found for row in found[sha256] if row not in wanted[sha256]]
    assert all(row in found[sha256] for sha256 in wanted for row in wanted[sha256])
    assert sorted(row[2] for row in extra) == sorted(before[face].box for face in lost)
    check_vectors(index)
    fresh.close()


def test_matched_faces_keep_their_ids_and_lost_ones_their_places(index: Store, to_both: Move) -> None:
    before = {face.id: face for face in all_faces(index)}
    report = to_both(index)
    lost = {face.id for face in report.unmatched}
    for face in index.faces(list(before)):
        old = before[face.id]
        assert face.photo_id == old.photo_id
        assert (face.box == old.box) == (face.id in lost)
        assert bool((face.landmarks == old.landmarks).all()) == (face.id in lost)
        assert face.score == (0.99 if face.id in lost else 0.95)
    assert {face.id for face in all_faces(index)} - set(before) == set(range(PHOTOS + 1, PHOTOS + report.added + 1))


def test_lost_faces_get_the_embedding_of_their_old_place(index: Store, to_both: Move, tmp_path: Path) -> None:
    copy = indexed(tmp_path / "copy", tmp_path / "photos")
    Move(NewNetwork(), NoDetector())(copy)
    for face in to_both(index).unmatched:
        np.testing.assert_allclose(index.embedding(face.id), copy.embedding(face.id), atol=1e-6)
    copy.close()


def test_the_report_lists_lost_faces_with_photo_box_and_person(index: Store, to_both: Move) -> None:
    ids = index.embeddings()[0].tolist()
    with index.transaction() as connection:
        from facesearch.storage import clusters

        clusters.replace_all(connection, ids[:30], [1] * 30)
    People(index, lambda: None).name("1", "Ada")
    report = to_both(index)
    rows = report.to_dict()["unmatched"]
    assert {row["face"] for row in rows} == {face.id for face in report.unmatched}
    (person,) = {row["person"]["name"] for row in rows if row["person"]}
    assert person == "Ada"
    assert {row["face"] for row in rows if row["person"] is None} <= set(ids[30:])
    for row in rows:
        face = index.faces([row["face"]])[0]
        assert (row["photo"], row["box"]) == (face.path, face.box)
    assert json.loads(json.dumps(report.to_dict()))["unmatched"]


def test_another_detector_alone_keeps_the_model(index: Store) -> None:
    Move(FakeNetwork(), OtherDetector())(index)
    assert (index.spec, index.detector) == (FAKE_SPEC, OtherDetector.spec)


def test_a_library_that_does_not_say_so_was_made_with_mtcnn(tmp_path: Path) -> None:
    with_none = Store.create(tmp_path / "none", FAKE_SPEC)
    mtcnn = type(FakeDetector.spec)("mtcnn", 1, ())
    assert not target_of(with_none, NEW_SPEC, mtcnn).anew
    assert target_of(with_none, NEW_SPEC, OtherDetector.spec).anew
    assert offer(with_none, FAKE_SPEC, mtcnn.name) is None
    assert "from fake with mtcnn to fake with other" in str(offer(with_none, FAKE_SPEC, "other"))
    with_none.close()


def test_the_smallest_face_that_the_user_wanted_stays(tmp_path: Path, photos: Path, to_both: Move) -> None:
    sizes: dict[str, float] = {}
    for name, least in (("as asked", 31), ("as usual", None)):
        pipeline = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector(), None, DetectionConfig(min_face_px=least))
        made = Store.create(tmp_path / name, FAKE_SPEC, detector=FakeDetector.spec)
        index_photos(made, lambda pipeline=pipeline: pipeline, [str(photos)])
        to_both(made)
        (sizes[name],) = smallest_faces(made)
        made.close()
    assert sizes == {"as asked": 31.0, "as usual": 20.0}


# -- whatever changes -------------------------------------------------------------------------------------------------


def test_names_decisions_clusters_and_the_undo_log_stay(index: Store, move: Move) -> None:
    decide(index)
    before = everything(index)
    move(index)
    after = everything(index)
    for table in before.keys() - BY_FACE - {"sqlite_sequence"}:
        assert after[table] == before[table], table
    assert all(before[table] for table in ("confirmed", "rejected", "cannot_link", "not_faces", "undo_log", "people"))


def test_all_of_it_can_be_undone_afterwards(index: Store, move: Move, tmp_path: Path, photos: Path) -> None:
    copy = indexed(tmp_path / "copy", photos)
    for store in (copy, index):
        decide(store)
    move(index)
    for store in (copy, index):
        while People(store, lambda: None).undo():
            pass
    left, right = everything(index), everything(copy)
    for table in ("confirmed", "rejected", "cannot_link", "not_faces", "people", "clustered", "undo_log"):
        assert left[table] == right[table], table
    copy.close()


def test_the_target_is_the_librarys(index: Store, move: Move) -> None:
    move(index)
    again = Store.open(index.folder)
    for store in (index, again):
        assert (store.spec, store.detector) == (move.network.spec, move.detector.spec)
    with pytest.raises(ModelMismatchError):
        again.require_model(NEW_SPEC if move.network.spec == FAKE_SPEC else FAKE_SPEC)
    again.close()


def test_there_already_it_does_nothing(index: Store, move: Move) -> None:
    move(index)
    before = everything(index)
    report = move(index, should_stop=lambda: pytest.fail("it went on"))
    assert (report.already, report.photos, report.faces) == (True, PHOTOS + 1, index.counts().faces)
    assert everything(index) == before


def test_interrupted_it_stays_as_it_was_and_goes_on(index: Store, move: Move, tmp_path: Path, photos: Path) -> None:
    whole = indexed(tmp_path / "whole", photos)
    expected = move(whole)
    before, left = everything(index), index.counts().photos
    for _ in range(10):
        seen: list[Progress] = []
        report = move(index, should_stop=stopping_after(1), progress=seen.append)
        if not report.stopped:
            break
        assert seen[0].todo <= left
        left = seen[0].todo - seen[-1].done
        assert everything(index, but=("pending_faces", "pending_photos")) == {
            name: rows for name, rows in before.items() if not name.startswith("pending")
        }
        check_vectors(index)
    assert everything(index) == everything(whole)
    assert summed(report) == summed(expected)
    check_vectors(index)
    whole.close()


def summed(report: MigrationReport) -> dict[str, object]:
    return {
        key: [dict(row, photo="") for row in value] if key == "unmatched" else value
        for key, value in report.to_dict().items()
        if key != "seconds"
    }


def test_nothing_is_done_twice(index: Store, to_model: Move, network: NewNetwork) -> None:
    assert to_model(index, should_stop=stopping_after(1)).stopped
    assert 0 < network.crops < PHOTOS
    to_model(index)
    assert network.crops == PHOTOS


def test_photos_indexed_and_removed_in_between_are_not_forgotten(
    index: Store, move: Move, tmp_path: Path, photos: Path
) -> None:
    move(index, should_stop=stopping_after(1))
    Picture.save(photos / "new.png", "new")
    Picture.save(photos / "00.png", "edited")
    (photos / "02.png").rename(photos / "moved.png")
    index_photos(index, pipeline_of, [str(photos)])
    index_photos(index, pipeline_of, [str(photos / "01.png")], redo=True)
    index.forget_paths([str(photos / "03.png")])
    report = move(index)
    assert (report.photos, report.dropped) == (PHOTOS + 1, 0)
    assert report.matched + len(report.unmatched) == PHOTOS
    check_vectors(index)
    (photos / "03.png").unlink()
    straight = indexed(tmp_path / "straight", photos, move.network, OtherDetector() if report.added else None)
    found, wanted = faces_by_content(index), faces_by_content(straight)
    assert found.keys() == wanted.keys()
    assert all(row in found[sha256] for sha256 in wanted for row in wanted[sha256])
    straight.close()


def test_work_for_another_target_is_not_mixed_in(index: Store, to_model: Move, to_both: Move, tmp_path: Path) -> None:
    whole = indexed(tmp_path / "whole", tmp_path / "photos")
    to_both(whole)
    to_model(index, should_stop=stopping_after(1))
    to_both(index, should_stop=stopping_after(1))
    Move(FakeNetwork(), OtherDetector())(index, should_stop=stopping_after(2))
    to_both(index)
    assert everything(index) == everything(whole)
    whole.close()


@pytest.mark.parametrize("how", ["gone", "changed", "damaged"])
def test_photos_that_cannot_be_looked_at_again(index: Store, move: Move, photos: Path, how: str) -> None:
    before = index.embeddings()[1]
    lost = photos / "07.png"
    if how == "gone":
        lost.unlink()
    elif how == "changed":
        Picture.save(lost, "another")
    else:
        lost.write_bytes(lost.read_bytes()[:50])
    with pytest.raises(LibraryError, match=r"^1 photo .*--drop-missing"):
        move(index)
    assert (index.spec, index.detector) == (FAKE_SPEC, FakeDetector.spec)
    np.testing.assert_array_equal(index.embeddings()[1], before)
    report = move(index, drop_missing=True)
    assert (report.photos, report.dropped, report.matched + len(report.unmatched)) == (PHOTOS, 1, PHOTOS - 1)
    assert str(lost) not in index.known_paths()
    check_vectors(index)


def test_photos_that_are_gone_are_said_before_anything_is_looked_at(
    index: Store, to_model: Move, network: NewNetwork, photos: Path
) -> None:
    (photos / "07.png").unlink()
    with pytest.raises(LibraryError, match="--drop-missing"):
        to_model(index)
    assert network.crops == 0


def test_a_copy_will_do(index: Store, move: Move, photos: Path) -> None:
    (photos / "copy.png").write_bytes((photos / "07.png").read_bytes())
    index_photos(index, pipeline_of, [str(photos)])
    (photos / "07.png").unlink()
    assert move(index).dropped == 0


# -- a dry run --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detector", [FakeDetector, OtherDetector])
def test_a_dry_run_counts_and_changes_nothing(index: Store, detector: type[FakeDetector], photos: Path) -> None:
    move = Move(NewNetwork(), detector())
    move(index, should_stop=stopping_after(1))
    before = everything(index)
    (photos / "39.png").unlink()
    pipeline = pipeline_of(NewNetwork(), detector())
    target = target_of(index, NEW_SPEC, detector.spec)
    planned = plan(index, lambda: pipeline, target)
    assert everything(index) == before
    said = planned.to_dict()
    left = PHOTOS + 1 - planned.photos_done if target.anew else PHOTOS - planned.photos_done
    assert (said["dry_run"], said["model"], said["detector"], said["anew"]) == (
        True,
        "new",
        target.detector.name,
        target.anew,
    )
    assert (planned.photos, planned.faces, planned.photos_to_read) == (PHOTOS + 1, PHOTOS, left)
    assert planned.photos_done >= 16
    assert planned.faces_to_embed == PHOTOS - planned.photos_done
    assert (planned.missing, planned.offline) == (1, 0)
    assert planned.seconds is not None
    assert planned.seconds > 0


def test_a_dry_run_where_there_is_nothing_to_do_loads_no_network(index: Store) -> None:
    target = target_of(index, FAKE_SPEC, FakeDetector.spec)
    planned = plan(index, lambda: pytest.fail("a network was loaded"), target)
    assert (planned.photos_to_read, planned.faces_to_embed, planned.seconds, planned.anew) == (0, 0, None, False)


def test_the_offer_names_both(index: Store) -> None:
    assert offer(index, FAKE_SPEC, "fake") is None
    assert "from fake with fake to new with fake" in str(offer(index, NEW_SPEC, "fake"))
    said = str(offer(index, NEW_SPEC, "other"))
    assert "`facesearch migrate`" in said
    assert "from fake with fake to new with other" in said
