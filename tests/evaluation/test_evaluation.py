import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facesearch.core.errors import InputError
from facesearch.evaluation import (
    Pairs,
    bcubed_scores,
    clustering_report,
    embed_photos,
    equal_error_rate,
    kfold_accuracy,
    pairwise_scores,
    read_labels,
    read_lfw_pairs,
    recall_at_k,
    roc_auc,
    tar_at_far,
    verification_report,
)

NAN = math.nan
# Distances in tenths tie often; None is a face that was not found.
PAIRS = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 20)), st.booleans()), min_size=2, max_size=30).filter(
    lambda pairs: {same for _, same in pairs} == {True, False}
)


def arrays(pairs: list) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray([NAN if d is None else d / 10 for d, _ in pairs]), np.asarray([same for _, same in pairs])


def accepted(distance: float, same: bool, threshold: float) -> bool:
    return not same if math.isnan(distance) else distance <= threshold


def right_answers(distances: np.ndarray, same: np.ndarray, threshold: float) -> int:
    return sum(accepted(d, s, threshold) == s for d, s in zip(distances, same, strict=True))


# --- verification


def test_separated_pairs_are_perfect():
    distances, same = [0.1, 0.2, 0.8, 0.9] * 2, [True, True, False, False] * 2
    folds = kfold_accuracy(distances, same, np.repeat([0, 1], 4))
    assert folds.accuracies == (1, 1)
    assert folds.thresholds == pytest.approx((0.5, 0.5))
    assert (folds.mean, folds.std) == (1, 0)
    assert roc_auc(distances, same) == 1
    assert equal_error_rate(distances, same) == 0
    assert tar_at_far(distances, same, 0) == 1


def test_kfold_by_hand():
    # Fold 0 alone would be cut between 0.2 and 0.6, fold 1 between 0.7 and 0.9; each is judged at the other's.
    distances, same = [0.2, 0.6, 0.8, 0.7, 0.3, 0.9], [True, False, False, True, True, False]
    folds = kfold_accuracy(distances, same, [0, 0, 0, 1, 1, 1])
    assert folds.thresholds == pytest.approx((0.8, 0.4))
    assert folds.accuracies == pytest.approx((1 / 3, 2 / 3))
    assert folds.std == pytest.approx(math.sqrt(2 * (1 / 6) ** 2))


@given(PAIRS, PAIRS, PAIRS)
def test_kfold_chooses_the_best_threshold_on_the_other_folds(first: list, second: list, third: list):
    folds = first, second, third
    distances, same = arrays([pair for fold in folds for pair in fold])
    members = np.repeat([0, 1, 2], [len(fold) for fold in folds])
    result = kfold_accuracy(distances, same, members)
    for fold, (accuracy, threshold) in enumerate(zip(result.accuracies, result.thresholds, strict=True)):
        train, test = members != fold, members == fold
        best = max(right_answers(distances[train], same[train], t) for t in np.arange(-0.05, 2.1, 0.1))
        assert right_answers(distances[train], same[train], threshold) == best
        assert accuracy == pytest.approx(right_answers(distances[test], same[test], threshold) / test.sum())


def test_missing_faces_are_errors_of_both_kinds():
    distances, same = [0.1, NAN, 0.9, NAN] * 2, [True, True, False, False] * 2
    assert kfold_accuracy(distances, same, np.repeat([0, 1], 4)).accuracies == (0.5, 0.5)
    assert equal_error_rate(distances, same) == pytest.approx(0.5)
    assert tar_at_far(distances, same, 0.49) == 0  # half of the different pairs are accepted at any threshold
    assert tar_at_far(distances, same, 0.5) == 0.5
    assert roc_auc(distances, same) == pytest.approx(0.25)


def test_no_face_at_all():
    folds = kfold_accuracy([NAN] * 4, [True, False] * 2, [0, 0, 1, 1])
    assert folds.accuracies == (0, 0)
    assert np.isfinite(folds.thresholds).all()
    assert roc_auc([NAN, NAN], [True, False]) == 0
    assert equal_error_rate([NAN, NAN], [True, False]) == 1


@given(PAIRS)
def test_auc_counts_pairs_of_pairs(pairs: list):
    distances, same = arrays(pairs)
    worst = np.where(np.isnan(distances), np.where(same, 9, -9), distances)
    wins = [(s < d) + 0.5 * (s == d) for s in worst[same] for d in worst[~same]]
    assert roc_auc(distances, same) == pytest.approx(np.mean(wins))


@given(PAIRS, st.integers(0, 10))
def test_tar_is_the_best_that_the_rate_allows(pairs: list, tenths: int):
    distances, same = arrays(pairs)
    tars = [0.0]
    for threshold in np.arange(-0.05, 2.1, 0.1):
        answers = np.asarray([accepted(d, s, threshold) for d, s in zip(distances, same, strict=True)])
        if answers[~same].mean() <= tenths / 10 + 1e-12:
            tars.append(answers[same].mean())
    assert tar_at_far(distances, same, tenths / 10) == pytest.approx(max(tars))


def test_equal_error_rate_by_hand():
    # At 0.3: one of four different pairs accepted, one of four same pairs rejected.
    distances = [0.1, 0.2, 0.25, 0.6, 0.3, 0.7, 0.8, 0.9]
    assert equal_error_rate(distances, [True] * 4 + [False] * 4) == pytest.approx(0.25)
    # Between thresholds: (far, frr) goes straight from (0, 1) to (1, 0).
    assert equal_error_rate([0.5, 0.5], [True, False]) == pytest.approx(0.5)


@given(PAIRS)
def test_equal_error_rate_lies_where_the_rates_cross(pairs: list):
    distances, same = arrays(pairs)
    eer = equal_error_rate(distances, same)
    rates = []
    for threshold in np.arange(-0.05, 2.1, 0.1):
        answers = np.asarray([accepted(d, s, threshold) for d, s in zip(distances, same, strict=True)])
        rates.append((answers[~same].mean(), 1 - answers[same].mean()))
    assert max(min(rate) for rate in rates) - 1e-9 <= eer <= min(max(rate) for rate in rates) + 1e-9


@pytest.mark.parametrize("same", [[True, True], [False, False], [True]])
def test_verification_needs_both_kinds(same: list[bool]):
    with pytest.raises(InputError):
        roc_auc([0.1, 0.2], same)


def test_folds_and_rates_are_checked():
    with pytest.raises(InputError):
        kfold_accuracy([0.1, 0.2], [True, False], [0, 0])
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        tar_at_far([0.1, 0.2], [True, False], 1.5)


# --- identification


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_recall_at_k_by_hand():
    gallery, people = on_circle(0, 10, 90, 100), ["ann", "bob", "ann", "bob"]
    probes, own = on_circle(1, 4, 88, 98), ["ann", "bob", "bob", "bob"]
    assert recall_at_k(gallery, people, probes, own, k=1) == 0.5
    assert recall_at_k(gallery, people, probes, own, k=2) == 1


def test_pictures_without_a_face_are_never_found():
    gallery, probes = on_circle(0, 10), on_circle(1, 9, NAN)
    assert recall_at_k(gallery, ["a", "b"], probes, ["a", "b", "a"]) == pytest.approx(2 / 3)
    gallery[0] = NAN
    assert recall_at_k(gallery, ["a", "b"], probes, ["a", "b", "a"]) == pytest.approx(1 / 3)


def test_a_probe_that_cannot_be_found_is_refused():
    with pytest.raises(InputError, match="carl"):
        recall_at_k(on_circle(0), ["ann"], on_circle(1), ["carl"])
    with pytest.raises(InputError):
        recall_at_k(on_circle(0), ["ann"], on_circle(1, 2), ["ann"])


# --- clustering

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 4)), min_size=1, max_size=25)


def same_cluster(labels: list[int], i: int, j: int) -> bool:
    return i == j or (labels[i] == labels[j] and labels[i] != -1)


@given(LABELS)
def test_pairwise_agrees_with_the_pairs_written_out(labels: list):
    truth, predicted = [t for t, _ in labels], [p for _, p in labels]
    pairs = list(combinations(range(len(labels)), 2))
    true = {(i, j) for i, j in pairs if truth[i] == truth[j]}
    put = {(i, j) for i, j in pairs if same_cluster(predicted, i, j)}
    scores = pairwise_scores(truth, predicted)
    assert scores.precision == pytest.approx(len(true & put) / len(put) if put else 1)
    assert scores.recall == pytest.approx(len(true & put) / len(true) if true else 1)


@given(LABELS)
def test_bcubed_agrees_with_every_face_written_out(labels: list):
    truth, predicted = [t for t, _ in labels], [p for _, p in labels]
    faces, precisions, recalls = range(len(labels)), [], []
    for i in faces:
        person = {j for j in faces if truth[i] == truth[j]}
        cluster = {j for j in faces if same_cluster(predicted, i, j)}
        precisions.append(len(person & cluster) / len(cluster))
        recalls.append(len(person & cluster) / len(person))
    scores = bcubed_scores(truth, predicted)
    assert scores.precision == pytest.approx(np.mean(precisions))
    assert scores.recall == pytest.approx(np.mean(recalls))


def test_scores_by_hand():
    truth, predicted = ["a", "a", "a", "b", "b"], [0, 0, 1, 1, -1]
    pairwise, bcubed = pairwise_scores(truth, predicted), bcubed_scores(truth, predicted)
    assert (pairwise.precision, pairwise.recall, pairwise.f) == pytest.approx((1 / 2, 1 / 4, 1 / 3))
    assert (bcubed.precision, bcubed.recall) == pytest.approx(((1 + 1 + 0.5 + 0.5 + 1) / 5, (5 / 3 + 1) / 5))


def test_extremes():
    truth = np.repeat(np.arange(10), 5)
    assert bcubed_scores(truth, truth[::-1].copy()).f == 1
    noise = np.full(50, -1)
    assert pairwise_scores(truth, noise).f == 0
    assert bcubed_scores(truth, noise).precision == 1
    assert bcubed_scores(truth, noise).recall == pytest.approx(1 / 5)
    assert pairwise_scores(np.arange(50), noise).f == 1  # strangers, left alone


def test_a_hundred_thousand_faces_need_no_square_table():
    truth = np.arange(100_000)
    assert pairwise_scores(truth, truth // 2).precision == 0
    assert bcubed_scores(truth, truth // 2).precision == pytest.approx(0.5)


def test_clustering_report():
    report = clustering_report(["a", "a", "b", "b"], [0, 0, 1, -1])
    assert (report.faces, report.people, report.groups, report.noise) == (4, 2, 2, 1)
    assert report.pairwise == pairwise_scores(["a", "a", "b", "b"], [0, 0, 1, -1])
    assert report.bcubed == bcubed_scores(["a", "a", "b", "b"], [0, 0, 1, -1])


@pytest.mark.parametrize(("truth", "predicted"), [([], []), ([1], [1, 2]), ([[1]], [[1]])])
def test_labels_that_do_not_match(truth: list, predicted: list):
    with pytest.raises(InputError):
        bcubed_scores(truth, predicted)


# --- data and runs

PAIRS_FILE = "2\t1\nAnn_Lee\t1\t12\nAnn_Lee\t1\tBob\t3\nBob\t3\t4\nBob\t4\tAnn_Lee\t12\n"


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    (tmp_path / "pairs.txt").write_text(PAIRS_FILE)
    return read_lfw_pairs(tmp_path / "pairs.txt", Path("lfw"))


def test_lfw_pairs(pairs: Pairs):
    ann = [Path("lfw/Ann_Lee/Ann_Lee_0001.jpg"), Path("lfw/Ann_Lee/Ann_Lee_0012.jpg")]
    bob = [Path("lfw/Bob/Bob_0003.jpg"), Path("lfw/Bob/Bob_0004.jpg")]
    assert pairs.left == (ann[0], ann[0], bob[0], bob[1])
    assert pairs.right == (ann[1], bob[0], bob[1], ann[1])
    assert pairs.same.tolist() == [True, False, True, False]
    assert pairs.folds.tolist() == [0, 0, 1, 1]
    assert pairs.photos == ann + bob


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ten\t300\n",
        PAIRS_FILE + "Bob\t1\t2\n",
        PAIRS_FILE.replace("Bob\t3\t4", "Bob\t3\tAnn_Lee\t1"),
        PAIRS_FILE.replace("Bob\t3\t4", "Bob\t3"),
        PAIRS_FILE.replace("\t12\n", "\ttwelve\n"),
    ],
)
def test_damaged_pairs_files(text: str, tmp_path: Path):
    (tmp_path / "pairs.txt").write_text(text)
    with pytest.raises(InputError, match=r"pairs\.txt"):
        read_lfw_pairs(tmp_path / "pairs.txt", tmp_path)


def test_missing_files(tmp_path: Path):
    with pytest.raises(InputError):
        read_lfw_pairs(tmp_path / "none.txt", tmp_path)
    with pytest.raises(InputError):
        read_labels(tmp_path / "none.csv")


def test_labels(tmp_path: Path):
    path = tmp_path / "photos.csv"
    path.write_text('photo,person\n1.jpg,ann\n"a, b.jpg",bob\n', encoding="utf-8-sig")
    assert read_labels(path) == {"1.jpg": "ann", "a, b.jpg": "bob"}


@pytest.mark.parametrize("text", ["", "file,who\n1,2", *("photo,person\n" + rows for rows in ("1,a\n1,b", "1,", "1"))])
def test_damaged_labels(text: str, tmp_path: Path):
    (tmp_path / "photos.csv").write_text(text)
    with pytest.raises(InputError, match=r"photos\.csv"):
        read_labels(tmp_path / "photos.csv")


def test_verification_report_asks_for_every_photo_once_and_counts_missing_faces(pairs: Pairs):
    directions = dict(zip(pairs.photos, on_circle(0, 10, 90, 100), strict=True))
    asked: list[Path] = []

    def embed(photos):
        asked.extend(photos)
        return (None if photo.stem == "Bob_0003" else directions[photo] for photo in photos)

    report = verification_report(embed, pairs)
    assert asked == pairs.photos
    assert (report.images, report.images_without_face) == (4, 1)
    assert (report.pairs, report.pairs_with_missing_face) == (4, 2)
    assert report.accuracy_mean == pytest.approx(0.5)  # both folds lose the pair with the missing face
    assert report.tar_at_far == {1e-3: 0, 1e-2: 0}
    assert report.auc == pytest.approx(0.25)


def test_verification_report_where_all_is_well(pairs: Pairs):
    report = verification_report(lambda photos: on_circle(0, 10, 90, 100), pairs)
    assert (report.accuracy_mean, report.accuracy_std, report.auc, report.eer) == (1, 0, 1, 0)
    assert report.tar_at_far == {1e-3: 1, 1e-2: 1}
    assert (report.images_without_face, report.pairs_with_missing_face) == (0, 0)


def test_an_answer_for_every_photo():
    with pytest.raises(InputError, match="1 answers for 2"):
        embed_photos(lambda photos: on_circle(0), [Path("a"), Path("b")])
    with pytest.raises(InputError, match=r"none of 2 photos is there, as .*a:"):
        embed_photos(lambda photos: [None, None], [Path("a"), Path("b")])
    with pytest.raises(InputError, match="no face in any of them"):
        embed_photos(lambda photos: [None], [Path(__file__)])
