"""Two detectors on the same photos: counts, how far boxes and landmarks lie apart, and pictures of every difference.

    python index/compare_detectors.py mtcnn yunet PHOTOS --out sheets

writes sheets/only-mtcnn.png and sheets/only-yunet.png: what one of them alone has found (green, with its landmarks),
and what the other has found there (red), with score and width. Whether these are faces, people have to say.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from facesearch.core.settings import DetectionConfig
from facesearch.core.types import Face
from facesearch.detection import Detector, load
from facesearch.detection.found import iou
from facesearch.media import LocalFiles, open_photo
from facesearch.pipeline.pipeline import AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE

SAME = 0.3  # of two boxes' union
SIDE, CAPTION, COLUMNS = 170, 14, 9
COLOURS = ("cyan", "yellow", "white", "magenta", "magenta")
Difference = tuple[str, Face, Sequence[Face]]  # a photo's path, the face, and what the other detector has found there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("detectors", nargs=2, metavar="DETECTOR")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for the pictures")
    parser.add_argument("--step", type=int, default=1, help="every n-th photo")
    parser.add_argument("--as-they-stand", action="store_true", help="without the search for the upright orientation")
    given = parser.parse_args()
    config = DetectionConfig(turned=not given.as_they_stand)
    paths = [photo.path for photo in LocalFiles().find([str(given.photos)]).photos][:: given.step]
    results = compared([load(name, config) for name in given.detectors], paths)
    print(json.dumps(results.figures(given.detectors), indent=1))
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        for name, differences in zip(given.detectors, results.alone, strict=True):
            if differences:
                sheet(differences).save(given.out / f"only-{Path(name).stem}.png")


class Compared:
    """What two detectors have found on all photos.

    moved: of each face found by both the mean distance of its landmarks, over the root of its box's area.
    """

    def __init__(self) -> None:
        self.photos = 0
        self.alone: tuple[list[Difference], list[Difference]] = ([], [])
        self.moved: list[float] = []
        self.scored: list[float] = []
        self.seconds = [0.0, 0.0]

    def add(self, path: str, first: Sequence[Face], second: Sequence[Face]) -> None:
        self.photos += 1
        for faces, others, alone in ((first, second, self.alone[0]), (second, first, self.alone[1])):
            alone.extend((path, face, others) for face in faces if partner(face, others) is None)
        for face in first:
            other = partner(face, second)
            if other is not None:
                side = ((face.box[2] - face.box[0]) * (face.box[3] - face.box[1])) ** 0.5
                self.moved.append(float(np.linalg.norm(face.landmarks - other.landmarks, axis=1).mean()) / side)
                self.scored.append(other.score - face.score)

    def figures(self, names: Sequence[str]) -> dict[str, object]:
        moved = np.percentile(self.moved or [0], [50, 95]).round(4).tolist()
        return {
            "photos": self.photos,
            "found by both": len(self.moved),
            **{f"only {name}": len(alone) for name, alone in zip(names, self.alone, strict=True)},
            "landmarks apart, share of the face's side, median and 95 %": moved,
            "second score minus first, mean": round(float(np.mean(self.scored or [0])), 4),
            "ms of processor time a photo": [round(1000 * s / max(self.photos, 1), 2) for s in self.seconds],
        }


def compared(detectors: Sequence[Detector], paths: Sequence[str]) -> Compared:
    results = Compared()
    for path in paths:
        image = open_photo(path).decode().rgb
        wanted = max(AUTO_MIN_FACE_PX, AUTO_MIN_FACE_SHARE * min(image.shape[:2]))
        found = []
        for i, detector in enumerate(detectors):
            start = time.process_time()
            found.append(detector.detect([image], [wanted])[0])
            results.seconds[i] += time.process_time() - start
        results.add(path, found[0], found[1])
    return results


def partner(face: Face, others: Sequence[Face]) -> Face | None:
    """The other detector's face in the same place."""
    if not others:
        return None
    shares = iou(np.array([other.box for other in others], np.float32), np.array(face.box, np.float32))
    best = int(shares.argmax())
    return others[best] if shares[best] > SAME else None


def sheet(differences: Sequence[Difference]) -> Image.Image:
    """All on one picture, best score first."""
    rows = -(-len(differences) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * SIDE, rows * (SIDE + CAPTION)))
    ordered = sorted(differences, key=lambda difference: -difference[1].score)
    for i, (path, face, others) in enumerate(ordered):
        x, y = i % COLUMNS * SIDE, i // COLUMNS * (SIDE + CAPTION)
        whole.paste(cut(path, face, others), (x, y))
        caption = f"{i} {face.score:.3f} {face.box[2] - face.box[0]:.0f}px"
        ImageDraw.Draw(whole).text((x + 2, y + SIDE), caption, "white")
    return whole


def cut(path: str, face: Face, others: Sequence[Face]) -> Image.Image:
    """The face with as much around it."""
    x1, y1, x2, y2 = face.box
    radius, centre = 1.1 * max(x2 - x1, y2 - y1), np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    corner, scale = centre - radius, SIDE / (2 * radius)
    box = (*corner.round().astype(int).tolist(), *(corner + 2 * radius).round().astype(int).tolist())
    picture = Image.fromarray(open_photo(path).decode().rgb).crop(box).resize((SIDE, SIDE))
    pen = ImageDraw.Draw(picture)

    def placed(points: NDArray[np.floating]) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in (points - corner) * scale]

    for shown, colour in [*((other, "red") for other in others), (face, "lime")]:
        pen.rectangle(placed(np.array(shown.box).reshape(2, 2)), outline=colour)
    for (x, y), colour in zip(placed(face.landmarks), COLOURS, strict=True):
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=colour)
    return picture


if __name__ == "__main__":
    main()
