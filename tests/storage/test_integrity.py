"""The database file itself is whole, whatever was done to a library and whenever a writer was killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from index_samples import OTHER_SPEC, a_photo, face_ids, filled, move, near, put, settle, unit
from library_states import check_vectors
from people_samples import (
    FORGOTTEN,
    PEOPLE_SPEC,
    Collection,
    a_collection,
    a_portrait,
    check,
    four_with_one_named,
    portrait,
)

from facesearch.storage import Store

Check = Callable[[Store], None]

DECISIONS: list[Callable[[Collection], object]] = [
    lambda collection: collection.people.name("2", "Bela"),
    lambda collection: collection.people.keep_apart("2", "3"),
    lambda collection: collection.people.keep_apart("3", FORGOTTEN),
    lambda collection: collection.people.reject(collection.faces[2][0], "2"),
    lambda collection: collection.people.split("2", [collection.faces[1][:1], collection.faces[1][1:3]]),
    lambda collection: collection.people.not_a_face(collection.faces[3][:2]),
    lambda collection: collection.people.assign(collection.faces[3][:1], "Carl"),
    lambda collection: collection.people.merge(["Bela", "3"]),
    lambda collection: collection.people.undo(),
    lambda collection: collection.add([a_portrait(portrait(0, 50)), a_portrait(portrait(1, 50), 1)], place=True),
    lambda collection: collection.recluster(),
    lambda collection: collection.remove(*collection.paths[:3], collection.paths[-1]),
    lambda collection: collection.people.undo(),
    lambda collection: collection.people.forget(FORGOTTEN),
    lambda collection: [collection.people.undo() for _ in range(9)],
    lambda collection: collection.recluster(),
    lambda collection: collection.index.clear(),
]


def test_after_each_decision_clustering_and_removal(check_database: Check) -> None:
    with a_collection() as collection:
        four_with_one_named(collection)
        for decide in DECISIONS:
            decide(collection)
            check(collection.index)
            check_database(collection.index)


def test_after_edits_moves_and_another_model(index: Store, check_database: Check) -> None:
    def steps() -> Iterator[object]:
        yield filled(index, 6, faces=2)
        yield put(index, 1, a_photo("/p/0", "edited", [near(unit(0), 0.1), unit(50)]))
        yield settle(index, "/p/1")
        yield put(index, 1, a_photo("/p/2", "p2", [unit(4)]), redo=True)
        yield put(index, 1, a_photo("/q/3", "p3", [unit(6), unit(7)]))
        yield settle(index, "/p/3")
        yield move(index, OTHER_SPEC, {face: unit(face, OTHER_SPEC.dim) for face in face_ids(index)}, gone=[5])
        yield index.forget_paths(["/p/0"])

    for _ in steps():
        check_database(index)
    check_vectors(index)


# Decides, indexes, removes and forgets without end, and says so after each round.
WRITER = """
import sys
from pathlib import Path
from people_samples import FORGOTTEN, Collection, a_portrait, four_with_one_named, portrait
from facesearch.storage import Store
collection = Collection(Store.open(Path(sys.argv[1])), taken=int(sys.argv[2]))
while True:
    four_with_one_named(collection)
    for decide in (
        lambda: collection.people.split(FORGOTTEN, [[max(collection.people.find(FORGOTTEN).face_ids)]]),
        lambda: collection.people.undo(),
        lambda: collection.remove(*collection.paths[:5]),
        lambda: collection.people.forget(FORGOTTEN),
        lambda: collection.index.clear(),
    ):
        decide()
        print("done", flush=True)
"""


def test_whenever_a_writer_is_killed(tmp_path: Path, check_database: Check) -> None:
    store = Store.create(tmp_path, PEOPLE_SPEC)
    paths = os.pathsep.join([str(Path(__file__).resolve().parents[1]), *(path for path in sys.path if path)])
    for start, rounds in ((100, 1), (200, 4), (300, 7)):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(start)]
        environment = os.environ | {"PYTHONPATH": paths}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as writer:
            assert writer.stdout is not None
            assert [writer.stdout.readline() for _ in range(rounds)] == ["done\n"] * rounds
            os.kill(writer.pid, signal.SIGKILL)
        check(store)
        check_database(store)
    store.close()
