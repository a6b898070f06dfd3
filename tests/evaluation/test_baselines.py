"""What others would do with the same embeddings."""

import numpy as np

from facesearch.evaluation.baselines import baseline_reports


def test_baselines_find_people_that_are_far_apart() -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(6, 32))
    people = np.repeat(np.arange(6), 8)
    vectors = centres[people] + generator.normal(scale=0.15, size=(48, 32))
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    reports = baseline_reports(embeddings, people.astype(str), np.ones(48, np.bool_))
    cut = {f"{method}_best_{figure}" for method in ("dbscan", "average_linkage") for figure in ("pairwise", "bcubed")}
    assert set(reports) == cut | {"hdbscan"}
    for report in reports.values():
        assert report.bcubed.f > 0.95
        assert report.people == 6


def test_faces_that_do_not_count_take_part_all_the_same() -> None:
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(40, 16)).astype(np.float32)
    embeddings = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scored = np.arange(40) < 10
    reports = baseline_reports(embeddings, np.arange(40).astype(str), scored)
    assert all(report.faces == 10 for report in reports.values())
