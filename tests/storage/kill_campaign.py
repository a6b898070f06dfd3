"""Kills (-9) of whatever writes a library, each followed by a check: nothing lost, nothing double, nothing left behind.

    PYTHONPATH=.:tests .venv/bin/python tests/storage/kill_campaign.py --kills 300 --seed 1
    PYTHONPATH=.:tests .venv/bin/python tests/storage/kill_campaign.py --every-write index remove forget

The first kills at random moments of each step in turn, the second before each call of a step that writes, one after the
other, with strace. After a kill the database is whole and its owner's only, and the library is as it was before the
step or after it (indexing and migrating: some way between); of who was forgotten or removed no byte is left once the
library has been opened; and run on to the end it is what one is that was never disturbed.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork, OtherDetector
from PIL import Image

from facesearch.embedding import NetworkEmbedder
from facesearch.indexing import analysis, migration
from facesearch.indexing.checking import check
from facesearch.indexing.targets import target_of
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
from facesearch.storage.database import FILE_NAME

__all__ = ["STEPS", "Campaign", "can_trace"]

WRITES = "write,pwrite64,pwritev,ftruncate,fallocate,fsync,fdatasync,rename,renameat2,unlink,unlinkat"
EPS, FIRST, SECOND = 0.2, "Zwxanna Qy", "Zwxbela Qy"
Facts = dict[str, Any]


def _cluster_of(library: Library, name: str) -> str:
    return str(library.people.find(name).id)


def _unnamed(library: Library) -> list[str]:
    return [str(one.id) for one in sorted(library.people.with_faces(), key=lambda one: one.face_ids) if not one.person]


def _migrate(library: Library, photos: Path) -> None:
    store, pipeline = library.store, Pipeline(NetworkEmbedder(FakeNetwork()), OtherDetector())
    migration.migrate(store, lambda: pipeline, target_of(store, FAKE_SPEC, OtherDetector.spec))


def _remove(library: Library, photos: Path) -> None:
    library.remove([photos / "0_0.png", photos / "3_0.png", photos / "3_1.png"])


# Each is one call; those of GRADUAL are many transactions, all others are done or not done.
STEPS: dict[str, Callable[[Library, Path], object]] = {
    "index": lambda library, photos: library.index([photos]),
    "cluster": lambda library, photos: library.cluster(eps=EPS),
    "name": lambda library, photos: library.people.name(_unnamed(library)[0], FIRST),
    "name another": lambda library, photos: library.people.name(_unnamed(library)[0], SECOND),
    "merge": lambda library, photos: library.people.merge([FIRST, _unnamed(library)[0]]),
    "undo": lambda library, photos: library.people.undo(),
    "remove": _remove,
    "forget": lambda library, photos: library.people.forget(SECOND),
    "migrate": _migrate,
    "cluster again": lambda library, photos: library.cluster(eps=EPS),
}
NAMES = tuple(STEPS)
GRADUAL = ("index", "migrate")


def can_trace() -> bool:
    """Whether strace is there and may watch."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


class Campaign:
    """An undisturbed library with a copy of each of its states, and what is done to others.

    Args:
        folder: an empty one, for all that is made.
    """

    def __init__(self, folder: Path) -> None:
        for module in ("facesearch.people.people", "faiss", "sklearn.cluster", "sklearn.neighbors"):
            import_module(module)  # a child is forked, and killed before it could have imported them
        self.folder, self.photos = folder, folder / "photos"
        analysis.BATCH_PHOTOS = migration.BATCH_PHOTOS = 2  # many moments at which something is half done
        _pictures(self.photos)
        straight = folder / "straight"
        self.states, self.seconds = [_facts(straight)], dict[str, float]()
        for name in NAMES:
            if straight.exists():
                shutil.copytree(straight, folder / f"before {name}")
            began = time.perf_counter()
            self._wait(self._child(straight, name))
            self.seconds[name] = time.perf_counter() - began
            self.states.append(_facts(straight))
        self.gone = {step: self._gone(step) for step in ("remove", "forget")}
        assert all(self.gone.values()), "nothing was removed: this would show nothing"
        assert all(a != b for a, b in zip(self.states, self.states[1:], strict=False)), "a step has changed nothing"

    def at_random(self, kills: int, seed: int) -> Iterator[tuple[str, bool]]:
        """Kill at random moments; yields for each try the step, and whether it was killed before its end."""
        moments, done, tried = random.Random(seed), 0, 0
        while done < kills:
            name = NAMES[tried % len(NAMES)]
            tried += 1
            library = self._before(name)
            child = self._child(library, name)
            time.sleep(moments.uniform(0, self.seconds[name]))
            os.kill(child, signal.SIGKILL)
            killed = self._wait(child)
            done += killed
            self.check(library, name)
            yield name, killed

    def at_every_write(self, name: str, first: int = 1, step: int = 1) -> Iterator[int]:
        """Kill before the n-th call that writes, for every n until a child ends; yields n."""
        number = first
        while True:
            library = self._before(name)
            killed = self._wait(self._child(library, name, before_write=number))
            self.check(library, name)
            if not killed:
                return
            yield number
            number += step

    def check(self, library: Path, name: str) -> None:
        """What must hold after a step was killed. Raises AssertionError."""
        at = NAMES.index(name)
        before, after = self.states[at : at + 2]
        assert not [path for path in library.rglob("*") if path.stat().st_mode & 0o077], "others may read it"
        now = _facts(library)
        if name not in GRADUAL:
            assert now in (before, after), f"neither before nor after {name}"
        if name == "index" and now:
            assert len(set(now["faces"])) == len(now["faces"]), "a face is there twice"
            assert set(now["faces"]) <= set(after["faces"])
        ended = now == after
        if now:
            self._wait(self._child(library, only_checked=True))
            self._wait(self._child(library))  # opened: what was left is done
            assert _facts(library) == now, "opening has changed something"
        for step in ("remove", "forget"):
            if at > NAMES.index(step) or (name == step and ended):
                assert _left(library, self.gone[step]) == [], f"bytes left of {step}"
        self._wait(self._child(library, *NAMES[at + ended :]))
        assert _facts(library) == self.states[-1], "another end"
        assert _left(library, [*self.gone["remove"], *self.gone["forget"]]) == []
        shutil.rmtree(library)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _before(self, name: str) -> Path:
        """A library as it is before a step; none before the first."""
        library, state = self.folder / "killed", self.folder / f"before {name}"
        if state.exists():
            shutil.copytree(state, library)
        return library

    def _child(self, library: Path, *names: str, before_write: int = 0, only_checked: bool = False) -> int:
        """A process that opens a library, does some steps and ends, or checks it as `facesearch check`; its id."""
        ready, go = os.pipe()
        child = os.fork()
        if child == 0:
            status = 3
            try:
                os.close(go)
                os.read(ready, 1)
                if only_checked:
                    assert not (found := check(library)), found
                else:
                    _work(library, self.photos, names)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(ready)
        if before_write:
            _kill_before(child, before_write)
        os.close(go)
        return child

    @staticmethod
    def _wait(child: int) -> bool:
        """Whether it was killed. Raises AssertionError where it has failed."""
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) or status == 0, "the child has failed"
        return os.WIFSIGNALED(status)

    def _gone(self, step: str) -> list[bytes]:
        """What must not be left in any file after a step: embeddings, and a name."""
        after = NAMES.index(step) + 1
        kept = set(self.states[after]["faces"])
        embeddings = _embeddings(self.folder / f"before {step}")
        found = [embeddings[face[1]] for face in self.states[after - 1]["faces"] if face not in kept]
        return found + ([SECOND.encode()] if step == "forget" and found else [])


def _work(library: Path, photos: Path, names: Sequence[str]) -> None:
    Store.create(library, FAKE_SPEC, detector=None if library.exists() else FakeDetector.spec).close()
    with Library(library) as opened:
        opened.__dict__["pipeline"] = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())
        for name in names:
            STEPS[name](opened, photos)


def _kill_before(child: int, number: int) -> None:
    """Have strace kill a process when it is about to write for the n-th time."""
    inject = f"inject={WRITES}:signal=KILL:when={number}"
    command = ["strace", "-f", "-p", str(child), "-o", os.devnull, "-e", f"trace={WRITES}", "-e", inject]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    said = tracer.stderr.readline()
    assert "attached" in said, said
    _TRACERS.append(tracer)


_TRACERS: list[subprocess.Popen[str]] = []


def _pictures(folder: Path) -> None:
    """Four people, three shots of each: alike, not equal."""
    folder.mkdir()
    for person in range(4):
        blocks = np.random.default_rng(person).integers(30, 225, (2, 2, 3))
        for shot in range(3):
            noise = np.random.default_rng([person, shot]).integers(-6, 7, (2, 2, 3))
            image = Image.fromarray((blocks + noise).astype(np.uint8))
            image.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{person}_{shot}.png")


def _facts(library: Path) -> Facts:
    """All that a library holds, without ids and times; nothing where there is none, or it was not made to the end."""
    if not (library / FILE_NAME).exists():
        return {}
    with closing(sqlite3.connect(library / FILE_NAME)) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        assert rows("PRAGMA integrity_check") == [("ok",)]
        assert rows("PRAGMA foreign_key_check") == []
        if not rows("SELECT 1 FROM sqlite_master WHERE name = 'not_faces'"):
            return {}
        if not rows("SELECT 1 FROM library WHERE key = 'model'"):
            return {}
        faces = "SELECT f.id, sha256, x1, y1, embedding FROM faces f JOIN photos p ON p.id = photo_id"
        key = {face: (sha[:8], _digest(embedding), x, y) for face, sha, x, y, embedding in rows(faces)}
        assert not rows("SELECT 1 FROM people WHERE id NOT IN (SELECT person_id FROM confirmed)"), "without a face"
        assert not rows("SELECT 1 FROM photos WHERE id NOT IN (SELECT photo_id FROM paths)"), "a photo without a file"
        names = dict(rows("SELECT id, name FROM people"))
        return {
            "faces": sorted(key.values()),
            "clusters": _together(key, rows("SELECT face_id, cluster_id FROM clustered")),
            "people": sorted(
                (str(names[person]), faces) for person, faces in _by(key, rows("SELECT * FROM confirmed")).items()
            ),
            "rejected": sorted((key[face], str(names[person])) for face, person in rows("SELECT * FROM rejected")),
            "history": [(kind, re.sub(r"\d+", "#", told)) for kind, told in rows("SELECT kind, summary FROM undo_log")],
            "files": sorted(Path(path).name for (path,) in rows("SELECT path FROM paths")),
            "roots": len(rows("SELECT path FROM roots")),
            "detector": rows("SELECT value FROM library WHERE key = 'detector'"),
        }


def _together(key: dict[int, Any], rows: list[tuple[Any, ...]]) -> list[Any]:
    return sorted(_by(key, rows).values())


def _by(key: dict[int, Any], rows: list[tuple[Any, ...]]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for face, number in rows:
        found.setdefault(number, []).append(key[face])
    return {number: sorted(faces) for number, faces in found.items()}


def _embeddings(library: Path) -> dict[str, bytes]:
    with closing(sqlite3.connect(library / FILE_NAME)) as connection:
        return {_digest(blob): blob for (blob,) in connection.execute("SELECT embedding FROM faces")}


def _digest(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()[:8]


def _left(library: Path, wanted: list[bytes]) -> list[str]:
    """The files of a library that hold one of some bytes."""
    return [path.name for path in library.iterdir() if any(one in path.read_bytes() for one in wanted)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every-write", nargs="*", default=[], choices=NAMES, metavar="STEP")
    parser.add_argument("--first", type=int, default=1, help="with --every-write: the first of the calls")
    parser.add_argument("--stride", type=int, default=1, help="with --every-write: every so many of them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder))
        killed = Counter[str]()
        for name, before_its_end in campaign.at_random(asked.kills, asked.seed):
            killed[name] += before_its_end
        if killed:
            print(f"{killed.total()} kills at random moments (seed {asked.seed}), no fault: {dict(killed)}")
        for name in asked.every_write:
            count = sum(1 for _ in campaign.at_every_write(name, asked.first, asked.stride))
            print(f"{count} kills of {name}, each before a call that writes, no fault")
    return 0


if __name__ == "__main__":
    sys.exit(main())
