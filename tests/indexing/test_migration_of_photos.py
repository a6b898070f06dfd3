"""The library of all real photos, with people, merges and rejections, moved from dlib and MTCNN; killed twenty times.

The photos are looked at three times, so the first 150 have to do; FACESEARCH_MOVED_PHOTOS=2000 takes all of them, for
some minutes.
"""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from library_states import check_vectors
from storage.library_rows import everything, looked_at_again

from facesearch import embedding
from facesearch.library import Library
from facesearch.storage import Store

pytestmark = [pytest.mark.data, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
NAMED, MERGES, REJECTIONS, KILLS = 20, 5, 5, 20
TO = ("--model", embedding.DEFAULT_MODEL if embedding.DEFAULT_MODEL != "dlib" else "sface", "--detector", "yunet")
PENDING = ("pending_faces", "pending_photos")
# What holds people, decisions and clusters; faces have other rows than before.
KEPT = (
    *("people", "confirmed", "rejected", "cannot_link", "not_faces", "undo_log", "clustered"),
    *("paths", "folders", "roots"),
)


def people_of(data: Path) -> dict[str, str]:
    """Path -> who is in the photo."""
    with (data / "photos.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: int(os.environ.get("FACESEARCH_MOVED_PHOTOS") or 150)]
    return {str(data / "photos" / row["photo"]): row["person"] for row in rows}


@pytest.fixture(scope="module")
def library(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, with decisions; closed."""
    folder = tmp_path_factory.mktemp("moved") / "library"
    person_of = people_of(data)
    with Library(folder, model="dlib", detector="mtcnn", device="cpu") as made:
        made.index(list(person_of))
        made.cluster()
        decide(made, person_of)
    return folder


def decide(library: Library, person_of: dict[str, str]) -> None:
    """Names for the largest clusters, merges of what is left of these people, and rejections from them."""
    people = library.people
    whose = {cluster.id: mostly(library, cluster.id, person_of) for cluster in people.all()}
    named: dict[str, int] = {}
    for cluster in people.all():
        if len(named) < NAMED and whose[cluster.id] not in named:
            people.name(str(cluster.id), f"Person {whose[cluster.id]}")
            named[whose[cluster.id]] = cluster.id
    rest = [cluster for cluster in whose if cluster not in named.values()]
    rest.sort(key=lambda cluster: whose[cluster] not in named)  # those of the people named first
    for cluster, name in zip(rest[:MERGES], [*named, *named], strict=False):
        people.merge([f"Person {whose[cluster] if whose[cluster] in named else name}", str(cluster)])
    for name in list(named)[:REJECTIONS]:
        people.reject([people.find(f"Person {name}").face_ids[-1]], f"Person {name}")
    last = f"Person {list(named)[-1]}"
    people.split(last, [list(people.find(last).face_ids[:2])])
    kinds = Counter(decision.kind for decision in people.history())
    assert (len(named), kinds["merge"], kinds["reject"]) == (NAMED, MERGES, REJECTIONS)


def mostly(library: Library, cluster: int, person_of: dict[str, str]) -> str:
    faces = library.store.faces(library.people.find(str(cluster)).face_ids)
    return Counter(person_of[face.path] for face in faces).most_common(1)[0][0]


def moving(library: Path) -> "subprocess.Popen[str]":
    command = (sys.executable, str(ROOT / "cli.py"), "migrate", *TO, "--library", str(library), "--device", "cpu")
    return subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def killed_once(library: Path, photos: int) -> None:
    """Start a migration, and kill it when so many photos are done."""
    store, process = Store.open(library), moving(library)
    while looked_at_again(store) < photos and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store.close()
    assert process.returncode == -signal.SIGKILL


def held(library: Path, but: tuple[str, ...] = PENDING) -> dict[str, list[dict[str, Any]]]:
    store = Store.open(library)
    rows = everything(store, but=but)
    store.close()
    return rows


def test_all_is_kept_and_twenty_kills_change_nothing(library: Path, tmp_path: Path) -> None:
    before = held(library)
    straight = shutil.copytree(library, tmp_path / "straight")
    killed = shutil.copytree(library, tmp_path / "killed")
    process = moving(straight)
    report = json.loads(process.communicate()[0])
    assert process.returncode == 0
    check_kept(before, held(straight), report)
    check_unlooked_at_again(library, straight, tmp_path)
    moments = random.Random(0)
    photos = report["photos"]
    for kill in range(KILLS):
        killed_once(killed, moments.randrange(kill * photos // KILLS, (kill + 1) * photos // KILLS))
        assert held(killed) == before, "it has changed before its end"
    print(json.dumps({**report, "unmatched": len(report["unmatched"])}))
    process = moving(killed)
    again = json.loads(process.communicate()[0])
    assert process.returncode == 0
    assert {**again, "seconds": 0} == {**report, "seconds": 0}
    assert held(killed, ()) == held(straight, ())
    with Library(killed, device="cpu") as moved:
        check_vectors(moved.store)
        assert moved.cluster(eps=0.9).clusters  # whether or not the model has a calibration


def check_kept(before: dict[str, list[Any]], after: dict[str, list[Any]], report: dict[str, Any]) -> None:
    for table in KEPT:
        assert after[table] == before[table], table
    old, new = ({face["id"]: face for face in rows["faces"]} for rows in (before, after))
    assert old.keys() <= new.keys()
    assert all(new[face]["photo_id"] == old[face]["photo_id"] for face in old)
    lost = {row["face"] for row in report["unmatched"]}
    assert report["faces"] == len(new) == len(old) + report["added"]
    assert report["matched"] == len(old) - len(lost)
    places = ("x1", "y1", "x2", "y2", "landmarks", "score")
    assert {face for face in old if all(old[face][key] == new[face][key] for key in places)} == lost


def check_unlooked_at_again(library: Path, moved: Path, tmp_path: Path) -> None:
    """All decisions can be taken back behind it, and leave what they would have left before it."""
    states = []
    for name, folder in (("before", library), ("moved", moved)):
        with Library(shutil.copytree(folder, tmp_path / f"undone {name}")) as copy:
            while copy.people.undo():
                pass
            states.append(everything(copy.store))
    for table in KEPT:
        assert states[0][table] == states[1][table], table
