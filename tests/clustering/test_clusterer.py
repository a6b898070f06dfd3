"""The default method: people are found, look-alikes do not chain, weak faces link nothing, order does not matter."""

import numpy as np
import pytest
from clustering_samples import CALIBRATION, as_partition, faces_of, line_of_faces, people, same_partition
from hypothesis import given, settings
from hypothesis import strategies as st

from facesearch.clustering import (
    NOISE,
    Constraints,
    Cuts,
    Faces,
    Options,
    cluster_faces,
)
from facesearch.clustering.candidates import pairs_within
from facesearch.clustering.constraints import NOBODY
from facesearch.core.errors import InputError
from facesearch.evaluation import bcubed_scores, pairwise_scores

WEAK = 3.0


def labels_of(faces: Faces, **settings: object) -> np.ndarray:
    return cluster_faces(faces, CALIBRATION, **settings)


def between(a: np.ndarray, b: np.ndarray, share: float) -> np.ndarray:
    """A unit vector on the way from one to another."""
    vector = (1 - share) * a.astype(np.float64) + share * b.astype(np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def at(vector: np.ndarray, distance: float, seed: int = 0) -> np.ndarray:
    """A unit vector at exactly this distance from another, in some direction."""
    a = vector.astype(np.float64)
    side = np.random.default_rng(seed).normal(size=len(a))
    side -= side @ a * a
    side /= np.linalg.norm(side)
    angle = 2 * np.arcsin(distance / 2)
    return (np.cos(angle) * a + np.sin(angle) * side).astype(np.float32)


# -- people are found ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[12] * 25, [60, 30, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2, 2] + [1] * 130])
@pytest.mark.parametrize("seed", [1, 2])
def test_people_are_found(sizes: list[int], seed: int) -> None:
    embeddings, who = people(sizes, seed)
    labels = labels_of(faces_of(embeddings))
    assert pairwise_scores(who, labels).f > 0.97
    assert bcubed_scores(who, labels).f > 0.97


def test_clusters_are_numbered_from_the_largest() -> None:
    embeddings, _ = people([9, 3, 6, 1], 4)
    labels = labels_of(faces_of(embeddings))
    assert labels.tolist() == [0] * 9 + [2] * 3 + [1] * 6 + [NOISE]
    assert labels.dtype == np.int64


# -- edges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eps", [None, 0.3])
@pytest.mark.parametrize("min_samples", [1, 2, 5])
def test_no_face_and_one_face(eps: float | None, min_samples: int) -> None:
    none = labels_of(faces_of(np.zeros((0, 128), np.float32)), eps=eps, min_samples=min_samples)
    assert (none.shape, none.dtype) == ((0,), np.int64)
    one = labels_of(faces_of(people([1])[0]), eps=eps, min_samples=min_samples)
    assert one.tolist() == [0 if eps and min_samples == 1 else NOISE]


def test_two_faces() -> None:
    embeddings, _ = people([1, 1])
    assert labels_of(faces_of(embeddings)).tolist() == [NOISE, NOISE]
    assert labels_of(faces_of(embeddings[[0, 0]])).tolist() == [0, 0]
    assert labels_of(faces_of(np.stack([embeddings[0], at(embeddings[0], 0.25)]))).tolist() == [0, 0]


def test_nothing_but_weak_faces() -> None:
    embeddings, _ = people([5, 5])
    assert labels_of(faces_of(embeddings, excess=WEAK)).tolist() == [NOISE] * 10
    one_said = Constraints(np.array([NOBODY] * 9 + [3]))
    assert labels_of(faces_of(embeddings, excess=WEAK), constraints=one_said)[9] == 0


def test_settings_that_cannot_be_meant() -> None:
    faces = faces_of(people([2])[0])
    with pytest.raises(InputError, match="min_samples"):
        labels_of(faces, min_samples=0)
    for eps in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="eps"):
            labels_of(faces, eps=eps)


# -- order --------------------------------------------------------------------------------------------------------


@st.composite
def libraries(draw: st.DrawFn) -> tuple[Faces, Constraints]:
    """Few people, faces that are there several times, weak ones, shared photos, a few words about some."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=6))
    seed = draw(st.integers(0, 1 << 32))
    embeddings, _ = people(sizes, seed)
    random = np.random.default_rng(seed)
    rows = random.integers(0, len(embeddings), len(embeddings) + draw(st.integers(0, 8)))
    photos = random.integers(0, draw(st.sampled_from([2, 6, 1_000_000])), len(rows))
    excess = random.choice([0.0, 0.5, WEAK], len(rows), p=[0.6, 0.2, 0.2])
    person = random.choice([NOBODY, 1, 2], len(rows), p=[0.8, 0.1, 0.1])
    refused = {int(row): frozenset({3 - int(person[row])}) for row in random.integers(0, len(rows), 2)}
    refused = {row: people & {1, 2} for row, people in refused.items() if people & {1, 2}}
    return Faces(embeddings[rows], photos, excess), Constraints(person, refused)


@settings(max_examples=60, deadline=None)
@given(libraries(), st.sampled_from([None, 0.3]), st.integers(1, 4), st.integers(0, 1 << 32))
def test_the_order_of_the_faces_does_not_matter(
    library: tuple[Faces, Constraints], eps: float | None, min_samples: int, seed: int
) -> None:
    """Nor do the photos' numbers. Faces that are alike in everything may change places."""
    faces, constraints = library
    labels = labels_of(faces, constraints=constraints, eps=eps, min_samples=min_samples)
    random = np.random.default_rng(seed)
    order, renamed = random.permutation(len(faces)), random.permutation(faces.photos.max() + 1)
    other = Faces(faces.embeddings[order], renamed[faces.photos[order]], faces.excess[order])
    again = labels_of(other, constraints=constraints.rows(order), eps=eps, min_samples=min_samples)

    def contents(of: Faces, told: Constraints, found: np.ndarray) -> list[tuple[object, ...]]:
        keys = zip(of.embeddings, of.excess, told.person, found, strict=True)
        return sorted((e.tobytes(), float(x), int(p), int(label)) for e, x, p, label in keys)

    assert contents(other, constraints.rows(order), again) == contents(faces, constraints, labels)


def test_the_order_does_not_matter_in_a_larger_library() -> None:
    embeddings, _ = people([20, 15, 10, 8, 6, 5, 4, 3, 2, 2] + [1] * 60, 5)
    embeddings[7::11] = embeddings[3]  # one face in many photos
    faces = faces_of(embeddings, np.arange(len(embeddings)) // 2, np.arange(len(embeddings)) % 5 / 2)
    labels = labels_of(faces)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(faces))
        np.testing.assert_array_equal(labels_of(faces.take(order)), labels[order])
    np.testing.assert_array_equal(labels_of(faces), labels)


# -- look-alikes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", [2, 3, 5])
def test_a_chain_of_look_alikes_does_not_run_two_people_together(links: int) -> None:
    """Steps of 0.28, as short as what divides faces of one person: DBSCAN at the usual eps walks along them."""
    spread = np.random.default_rng(links).uniform(-0.02, 0.02, 30)
    ends = np.repeat([0.0, 0.28 * (links + 1)], 15) + spread
    embeddings = line_of_faces(*ends, *(0.28 * np.arange(1, links + 1)))
    who = np.repeat([0, 1], 15)
    assert labels_of(faces_of(embeddings), eps=0.31).tolist() == [0] * (30 + links)
    assert same_partition(labels_of(faces_of(embeddings))[:30], who)


def test_more_strangers_make_the_cut_stricter() -> None:
    """Two faces that are one person among few are not so among many: with the strangers the look-alikes grow."""
    pair = people([1], 6)[0][0]
    both = np.stack([pair, at(pair, 0.36)])
    crowd, _ = people([1] * 3_000, 7)
    assert labels_of(faces_of(both)).tolist() == [0, 0]
    assert labels_of(faces_of(np.concatenate([both, crowd])))[:2].tolist() == [NOISE, NOISE]


# -- weak faces ---------------------------------------------------------------------------------------------------


def test_a_weak_face_joins_a_cluster_and_links_none() -> None:
    embeddings, who = people([15, 15], 8)
    middle = between(embeddings[:15].mean(axis=0), embeddings[15:].mean(axis=0), 0.5)
    near = at(embeddings[3], 0.1)
    without = labels_of(faces_of(embeddings))
    assert same_partition(without, who)
    more = np.concatenate([embeddings, [near], [middle] * 40])
    labels = labels_of(faces_of(more, excess=np.array([0.0] * 30 + [WEAK] * 41)))
    assert same_partition(labels[:30], without)
    assert labels[30] == labels[3]
    assert set(labels[31:].tolist()) <= {NOISE, 0, 1}


def test_weak_faces_change_nothing_for_the_strong_ones() -> None:
    embeddings, _ = people([12, 9, 5, 1, 1, 1], 12)
    more, _ = people([12, 9, 5, 1, 1, 30], 13)
    labels = labels_of(faces_of(np.concatenate([embeddings, more]), excess=np.array([0.0] * 29 + [WEAK] * 58)))
    assert same_partition(labels[:29], labels_of(faces_of(embeddings)))


def test_two_weak_faces_found_no_cluster_however_near() -> None:
    embeddings, _ = people([6, 1], 11)
    faces = np.concatenate([embeddings, embeddings[[6]]])
    assert labels_of(faces_of(faces, excess=np.array([0.0] * 6 + [WEAK] * 2)))[6:].tolist() == [NOISE, NOISE]


def test_a_weak_face_must_be_nearer_to_others_that_are_nearly_weak() -> None:
    """Poor faces are like other poor ones, not like good ones."""
    embeddings, _ = people([10], 12)
    away = at(embeddings.mean(axis=0) / np.linalg.norm(embeddings.mean(axis=0)), 0.4)
    faces = np.concatenate([embeddings, [away]])
    assert labels_of(faces_of(faces, excess=[0.0] * 10 + [WEAK]))[10] == 0
    assert labels_of(faces_of(faces, excess=[1.0] * 10 + [WEAK]))[10] == 0
    assert labels_of(faces_of(faces, excess=[1.9] * 10 + [WEAK]))[10] == NOISE
    assert labels_of(faces_of(faces, excess=[1.9] * 10 + [0.0]))[10] == 0


def test_a_few_good_faces_do_not_vouch_for_a_crowd_of_poor_ones() -> None:
    embeddings, _ = people([10], 12)
    away = at(embeddings.mean(axis=0) / np.linalg.norm(embeddings.mean(axis=0)), 0.4)
    for crowd, joined in ((1, 1), (4, 4), (40, 0)):
        faces = np.concatenate([embeddings, [away] * crowd])
        labels = labels_of(faces_of(faces, excess=[0.0] * 10 + [WEAK] * crowd))
        assert (labels[10:] == 0).sum() == joined
        assert (labels[:10] == 0).all()


def test_weak_faces_make_cuts_stricter_as_they_may_be_joined_wrongly_too() -> None:
    pair = people([1], 6)[0][0]
    both = np.stack([pair, at(pair, 0.36)])
    crowd, _ = people([1] * 3_000, 7)
    labels = labels_of(faces_of(np.concatenate([both, crowd]), excess=np.array([0.0] * 2 + [WEAK] * 3_000)))
    assert labels[:2].tolist() == [NOISE, NOISE]


# -- one photo ----------------------------------------------------------------------------------------------------


def test_two_faces_of_one_photo_are_two_people_in_doubt() -> None:
    one = people([1], 13)[0][0]
    pair = np.stack([one, at(one, 0.43)])
    assert labels_of(faces_of(pair, [1, 2])).tolist() == [0, 0]
    assert labels_of(faces_of(pair, [1, 1])).tolist() == [NOISE, NOISE]


@pytest.mark.parametrize("distance", [0.0, 0.15])
def test_mirrors_and_collages_are_one_person(distance: float) -> None:
    one = people([1], 14)[0][0]
    faces = np.stack([one, at(one, distance), at(one, distance, seed=1)])
    assert labels_of(faces_of(faces, [1, 1, 1])).tolist() == [0, 0, 0]


def test_siblings_who_are_always_together_stay_apart() -> None:
    """Eight photos of both; were each of their faces on a photo of its own, they would be run together."""
    face, _ = people([8], 15)
    offset = np.zeros(face.shape[1])
    offset[0] = 0.33
    sister = face + offset
    both = np.concatenate([face, sister / np.linalg.norm(sister, axis=1, keepdims=True)])
    assert labels_of(faces_of(both)).tolist() == [0] * 16
    assert same_partition(labels_of(faces_of(both, np.tile(np.arange(8), 2))), np.repeat([0, 1], 8))


# -- size ---------------------------------------------------------------------------------------------------------


def test_only_near_pairs_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 5,000 strangers' 12.5 million pairs a few for each face, and no more for each face of more strangers."""
    from facesearch.clustering import few

    looked_at: list[int] = []

    def counted(*arguments: object) -> object:
        pairs = pairs_within(*arguments)  # type: ignore[arg-type]
        looked_at.append(len(pairs.a))
        return pairs

    monkeypatch.setattr(few, "pairs_within", counted)
    for n in (1_250, 5_000):
        labels_of(faces_of(people([1] * n, 16)[0]))
    assert looked_at[0] < 1_250 * 25
    assert looked_at[1] < 5_000 * 25


def test_pairs_are_those_within_the_radius_and_those_of_one_photo() -> None:
    embeddings, _ = people([6, 5, 4], 17)
    photos = np.array([1, 2, 1, 3, 4, 5, 5, 6, 2, 7, 8, 9, 8, 8, 3])
    pairs = pairs_within(embeddings, photos, 0.33)
    found = {
        (int(a), int(b)): (d, t) for a, b, d, t in zip(pairs.a, pairs.b, pairs.distance, pairs.together, strict=True)
    }
    assert len(found) == len(pairs.a)
    expected = {}
    for a, b in zip(*np.triu_indices(15, 1), strict=True):
        distance = float(np.linalg.norm(embeddings[a].astype(np.float64) - embeddings[b]))
        together = bool(photos[a] == photos[b])
        if distance <= 0.33 or together:
            expected[int(a), int(b)] = (pytest.approx(distance) if distance <= 0.33 else np.inf, together)
    assert found == expected
    assert np.isinf(pairs.distance).any()


def test_options_can_be_made_stricter() -> None:
    """`facesearch split` looks with fewer false joins allowed: clusters may fall apart, and none are run together."""
    embeddings, _ = people([10] * 10, 18)
    usual, share = Options(), 0.03**2
    stricter = Options(single=usual.single * share, large=usual.large * share, cores=usual.cores * share)
    loose, tight = labels_of(faces_of(embeddings)), labels_of(faces_of(embeddings), options=stricter)
    assert all(any(part <= whole for whole in as_partition(loose)) for part in as_partition(tight))
    assert len(as_partition(tight)) + (tight == NOISE).sum() > len(as_partition(loose))
    assert Cuts.of(100, CALIBRATION, stricter).large < Cuts.of(100, CALIBRATION).large
