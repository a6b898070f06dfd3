"""Whether facesearch still gives what it gave: indexes a folder of photos and compares all answers with a summary.

    python index/compare_results.py PHOTOS --out FILE      # write the summary of what it gives now
    python index/compare_results.py PHOTOS --check FILE    # compare with it: exit code 0 the same, 1 different

Everything is asked of the command line, with --json; only the faces are read from the library's database. So another
version can be compared, too: --command "python other-checkout/cli.py".

The summary holds numbers, hashes and names of files below PHOTOS. A photo goes by its content, a face by its photo and
its place among that photo's faces from the left, so no id of a face matters. Of an embedding there are a hash and sums
of its numbers with fixed signs, which move by about as much as the embedding does. Numbers are the same within a
millionth (above 1, of their value). Embeddings that are the same so far, but not to the bit, are only counted; with
--exact they are differences, too. Keys of an answer may be added, which is told, but not go.
"""

import hashlib
import json
import math
import shlex
import sqlite3
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

ROOT = Path(__file__).resolve().parent.parent
QUERIES, PROJECTIONS = 5, 4
TOLERANCE, DIGITS = 1e-6, 7
HASH = 16
BETWEEN = " | "
# What depends on the machine, the moment and the place.
PASSING = {"seconds", "library", "database_bytes", "index_bytes"}
FACES = """
    SELECT sha256, faces.id, landmarks, score, sharpness, embedding, x1, y1, x2, y2
    FROM photos LEFT JOIN faces ON photos.id = photo_id ORDER BY sha256, x1, y1, x2, y2
"""

Summary = dict[str, dict[str, Any]]

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def main(
    photos: Annotated[Path, typer.Argument(metavar="PHOTOS", exists=True, file_okay=False, help="A folder.")],
    out: Annotated[Path | None, typer.Option(help="Write the summary there.")] = None,
    check: Annotated[Path | None, typer.Option(help="Compare with this summary.", exists=True)] = None,
    command: Annotated[str, typer.Option(help="How to start facesearch.", show_default="that of this checkout")] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Embeddings must be the same to the bit.")] = False,
) -> None:
    if out is None and check is None:
        raise typer.BadParameter("say --out FILE or --check FILE")
    stored: Summary | None = json.loads(check.read_text(encoding="utf-8")) if check else None
    with tempfile.TemporaryDirectory() as folder:
        start = shlex.split(command) or [sys.executable, str(ROOT / "cli.py")]
        found = Asked(photos.resolve(), Path(folder), start).summary(stored)
    if out is not None:
        out.write_text(written(found), encoding="utf-8")
    if stored is not None:
        added = sorted({f"{name}: {key}" for name, key in added_keys(stored["keys"], found["keys"])})
        if added:
            typer.echo(f"keys that were added: {', '.join(added)}", err=True)
        lines = list(differences(stored, found))
        moved = moved_bits(stored, found)
        for line in [*lines, *(moved if exact else ())]:
            typer.echo(line)
        typer.echo(f"{len(lines)} differences; {len(moved)} embeddings are not the same to the bit", err=True)
        raise typer.Exit(1 if lines or (exact and moved) else 0)


class Asked:
    """A new library of some photos, and what facesearch says of it."""

    def __init__(self, photos: Path, library: Path, command: Sequence[str]) -> None:
        self.photos, self.library, self.command = photos, library, command
        self._labels: dict[int, str] = {}  # face id -> photo's hash / place among its faces

    def summary(self, like: Summary | None) -> Summary:
        """Args: like: a summary, about whose pictures is asked; None to choose some."""
        indexed = self._of_library("index", str(self.photos))
        faces = self._faces()
        clustered, people = self._of_library("cluster"), self._of_library("people")
        status = self._of_library("status")
        chosen = self._names(clustered) if like is None else (list(like["query"]), list(like["verify"]))
        queries = {name: self._of_library("query", str(self.photos / name)) for name in chosen[0]}
        checks = {pair: self._run("verify", *(str(self.photos / a) for a in pair.split(BETWEEN))) for pair in chosen[1]}
        clusters = {str(one["id"]): self._members(f["face"] for f in one["faces"]) for one in clustered["clusters"]}
        asked = {"index": indexed, "status": status, "cluster": clustered, "people": people}
        totals = {"clusters": len(clusters), "noise": len(clustered["noise"])}
        return {
            "keys": {name: keys_of(answer) for name, answer in asked.items()}
            | {"query": keys_of(list(queries.values())), "verify": keys_of(list(checks.values()))},
            "answers": self._lasting({"index": indexed, "status": status, "cluster": clustered | totals}),
            "people": {str(one["group"]): self._lasting(one) for one in people["people"]},
            "query": self._lasting(queries),
            "verify": self._lasting(checks),
            "clusters": clusters | {"noise": self._members(clustered["noise"])},
            "photos": faces,
        }

    def _of_library(self, command: str, *arguments: str) -> Any:
        return self._run(command, *arguments, "--library", str(self.library))

    def _run(self, *arguments: str) -> Any:
        answer = subprocess.run([*self.command, *arguments, "--json"], capture_output=True, text=True, check=False)
        if answer.returncode not in (0, 1) or not answer.stdout:  # 1: two pictures are of different people
            raise SystemExit(f"{shlex.join([*self.command, *arguments])}: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def _faces(self) -> dict[str, list[dict[str, Any]]]:
        """Photo's hash -> its faces from the left."""
        photos: dict[str, list[dict[str, Any]]] = {}
        with closing(sqlite3.connect(self.library / "library.sqlite3")) as database:
            for sha256, face, landmarks, score, sharpness, embedding, *box in database.execute(FACES):
                found = photos.setdefault(sha256[:HASH], [])
                if face is None:
                    continue
                self._labels[face] = f"{sha256[:HASH]}/{len(found)}"
                row = {"box": box, "landmarks": list(struct.unpack("<10f", landmarks))}
                row |= {"score": score, "sharpness": sharpness, "projections": projections(embedding)}
                found.append(shortened(row) | {"embedding": hashlib.sha256(embedding).hexdigest()[:HASH]})
        return photos

    def _members(self, faces: Iterable[int]) -> dict[str, Any]:
        labels = sorted(self._labels[face] for face in faces)
        return {"size": len(labels), "members": hashlib.sha256("\n".join(labels).encode()).hexdigest()[:HASH]}

    def _names(self, clustered: Any) -> tuple[list[str], list[str]]:
        """Pictures to look for, and pairs to compare: two of one person, two of strangers."""
        names = sorted(str(path.relative_to(self.photos)) for path in self.photos.rglob("*") if path.is_file())
        paths = [[self._lasting(face["path"]) for face in one["faces"]] for one in clustered["clusters"][:2]]
        largest, second = paths
        pairs = [largest[:2], second[:2], [largest[0], second[0]], names[:2]]
        return [names[i * len(names) // QUERIES] for i in range(QUERIES)], [BETWEEN.join(pair) for pair in pairs]

    def _lasting(self, value: Any, key: str = "") -> Any:
        """An answer without what passes: paths from PHOTOS on, faces by their photos, short numbers."""
        if isinstance(value, dict):
            return {name: self._lasting(one, name) for name, one in value.items() if name not in PASSING}
        if isinstance(value, list):
            return [self._lasting(one) for one in value]
        if key == "face":
            return self._labels[value]
        if isinstance(value, str) and Path(value).is_relative_to(self.photos):
            return str(Path(value).relative_to(self.photos))
        return shortened(value)


def projections(embedding: bytes) -> list[float]:
    """Sums of an embedding's numbers, with signs that are the bits of hashes."""
    numbers = struct.unpack(f"<{len(embedding) // 4}f", embedding)
    sums = []
    for which in range(PROJECTIONS):
        bits = int.from_bytes(hashlib.shake_256(bytes([which])).digest(len(numbers) // 8 + 1), "little")
        sums.append(math.fsum(-number if bits >> place & 1 else number for place, number in enumerate(numbers)))
    return sums


def shortened(value: Any) -> Any:
    """With numbers to seven digits, or to seven decimals below 1."""
    if isinstance(value, dict):
        return {key: shortened(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shortened(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if abs(value) > 1 else round(value, DIGITS)
    return value


def keys_of(value: Any) -> list[str]:
    """All keys of an answer, with those that they lie in."""
    return sorted(set(_keys(value, "")))


def _keys(value: Any, above: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{above}{key}"
            yield from _keys(one, f"{above}{key}.")
    elif isinstance(value, list):
        for one in value:
            yield from _keys(one, above)


def written(summary: Summary) -> str:
    """JSON with a line for each photo, cluster and answer."""
    parts = []
    for section, entries in sorted(summary.items()):
        lines = (f"{json.dumps(key)}: {json.dumps(entries[key], sort_keys=True)}" for key in sorted(entries))
        parts.append(f"{json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def differences(stored: Any, found: Any, where: str = "") -> Iterator[str]:
    """A line for each value that is not the same; added keys and the hashes of embeddings are left out."""
    if isinstance(stored, dict) and isinstance(found, dict):
        for key in sorted(stored.keys() | found.keys()):
            place = f"{where} {key}".strip()
            if key not in found:
                yield f"{place}: is gone"
            elif key not in stored:
                if not where or where.split()[0] in ("photos", "clusters", "people"):  # a thing, not a key of an answer
                    yield f"{place}: is new"
            elif where == "keys":
                yield from (f"{place}: {gone} is gone" for gone in sorted(set(stored[key]) - set(found[key])))
            elif key != "embedding":
                yield from differences(stored[key], found[key], place)
    elif isinstance(stored, list) and isinstance(found, list) and len(stored) == len(found):
        for index, (one, other) in enumerate(zip(stored, found, strict=True)):
            yield from differences(one, other, f"{where}[{index}]")
    elif not _same(stored, found):
        yield f"{where}: was {_brief(stored)}, is {_brief(found)}"


def added_keys(stored: dict[str, list[str]], found: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    for name in sorted(stored.keys() & found.keys()):
        yield from ((name, key) for key in sorted(set(found[name]) - set(stored[name])))


def _same(stored: Any, found: Any) -> bool:
    if type(stored) is float and type(found) is float:
        return bool(abs(stored - found) <= TOLERANCE * max(1.0, abs(stored)) + 2 * 10**-DIGITS)
    return bool(type(stored) is type(found) and stored == found)


def _brief(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else json.dumps(value)


def moved_bits(stored: Summary, found: Summary) -> list[str]:
    """A line for each embedding that has other bytes, with how far its sums have moved."""
    lines = []
    for photo in sorted(stored["photos"].keys() & found["photos"].keys()):
        for place, (old, new) in enumerate(zip(stored["photos"][photo], found["photos"][photo], strict=False)):
            if old["embedding"] != new["embedding"]:
                by = max(abs(a - b) for a, b in zip(old["projections"], new["projections"], strict=True))
                lines.append(f"photos {photo}[{place}] embedding: other bytes, its sums have moved by {by:.1e}")
    return lines


if __name__ == "__main__":
    app()
