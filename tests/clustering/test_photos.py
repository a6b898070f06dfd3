"""The default method on real faces."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np

from facesearch.calibration import load_calibration
from facesearch.clustering import Faces, cluster_faces
from facesearch.core.quality import excess_of
from facesearch.evaluation import bcubed_scores, pairwise_scores
from facesearch.pipeline.pipeline import Pipeline

PEOPLE, PHOTOS_EACH = 6, 8


def test_people_of_real_photos_are_found(data: Path, pipeline: Pipeline) -> None:
    with open(data / "photos.csv", encoding="utf-8") as file:
        person_of = {row["photo"]: row["person"] for row in csv.DictReader(file)}
    counts = Counter(person_of.values())
    chosen = sorted(person for person, count in counts.items() if count >= PHOTOS_EACH)[:PEOPLE]
    photos = [photo for who in chosen for photo in sorted(p for p, w in person_of.items() if w == who)[:PHOTOS_EACH]]
    found = [*pipeline.main_faces(str(data / "photos" / photo) for photo in photos)]
    seen = [(photo, face) for photo, face in zip(photos, found, strict=True) if face is not None]
    assert len(seen) > 0.9 * len(photos)
    excess = excess_of([face.quality for _, face in seen])
    faces = Faces(np.stack([face.embedding for _, face in seen]), np.arange(len(seen)), excess)
    labels = cluster_faces(faces, load_calibration(pipeline.embedder.spec))
    truth = [person_of[photo] for photo, _ in seen]
    assert pairwise_scores(truth, labels).precision >= 0.94  # one face of 48 is with somebody else
    assert bcubed_scores(truth, labels).f >= 0.9
