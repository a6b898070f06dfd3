"""Faces into people: density cores at a strict eps, joined on average evidence; weak faces come last and link nothing.

One eps for all faces chains look-alikes into one blob. Here DBSCAN at an eps where strangers hardly ever are makes the
beginnings; these are joined while the mean squared distance of two clusters is below a cut; and the cut is stricter
for single faces than for large clusters, whose mean is surer, and stricter the more strangers the library holds. No
constant is a distance: cuts are where the calibration's false-accept rate meets the number of faces.

Everything is measured in squared L2, and evidence in nats of false-accept rate, which the calibration's slope turns
into squared distance. The result is a function of the set of faces: rows are first ordered by their own content. All
pairs of up to 20,000 good faces are looked at (`few`), of more those that approximate neighbours propose (`many`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facesearch.calibration import Calibration
from facesearch.clustering.constraints import NOBODY, Constraints
from facesearch.clustering.content import by_content
from facesearch.clustering.density import NOISE, renumber_by_size
from facesearch.clustering.evidence import distance_at, nats_per_squared_distance
from facesearch.clustering.few import Few
from facesearch.clustering.links import summed
from facesearch.clustering.many import Many
from facesearch.clustering.plain import dbscan_within
from facesearch.core.errors import InputError, TooManyPairsError
from facesearch.core.forks import hold_native_threads

__all__ = ["Clusterer", "Cuts", "Faces", "Options", "cluster_faces"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEAK_BLOCK = 1 << 22
# Good faces up to which all pairs are looked at; beyond, those that approximate neighbours propose.
ALL_PAIRS = 20_000


@dataclass(frozen=True)
class Options:
    """Constants of the method; docs/decisions/001 says how they were found and how little hangs on each.

    single: false joins expected per face between two single faces: their cut is where faces x FAR is this.
    large, large_power: two large clusters are cut where FAR is large * faces ** -large_power.
    size_power: how quickly the cut goes from the one to the other: (size_a * size_b) ** -size_power.
    cores, cores_far: false links expected among all pairs of faces at the cores' eps, and its highest rate.
    crowding: how much of a face's excess of look-alikes is taken off its distances, 0 none, 1 all.
    crowd, crowd_far: strangers expected within the radius where look-alikes are counted, and its highest rate.
    trust: strangers' worth of evidence that a face has no more look-alikes than others, against the count.
    weak: nats of excess, predicted by its quality, from which on a face links nothing.
    poor_company, company_from, crowd_from: poor faces are like other poor ones, not like good ones. A weak face must
        be nearer to a cluster by so many nats for each by which the mean excess of the cluster's good faces is above
        the second, or that of its faces with all weak ones that would join above the third; never by more than its own.
    together: nats against two clusters all of whose faces are in each other's photos.
    passes: how often clusters are made; each pass knows better than the one before who is a stranger to whom.
    """

    single: float = 0.03
    large: float = 0.75
    large_power: float = 0.8
    size_power: float = 0.8
    cores: float = 2.0
    cores_far: float = 1e-6
    crowding: float = 0.7
    crowd: float = 16.0
    crowd_far: float = 5e-3
    trust: float = 16.0
    weak: float = 2.0
    poor_company: float = 4.0
    company_from: float = 1.0
    crowd_from: float = 1.5
    together: float = 4.0
    passes: int = 2


DEFAULTS = Options()


@dataclass(frozen=True)
class Faces:
    """What is known of n faces.

    embeddings: (n, d) float32, unit L2 norm.
    photos: (n,) int64, the photo that each is of; only equality counts.
    excess: (n,) float64 nats, see `facesearch.pipeline.quality.excess`.
    """

    embeddings: NDArray[np.float32]
    photos: Ints
    excess: Floats

    def __len__(self) -> int:
        return len(self.embeddings)

    def strong(self, options: Options = DEFAULTS) -> Ints:
        """The rows of the faces that are good enough to hold a cluster together."""
        return np.flatnonzero(self.excess < options.weak)

    def take(self, rows: Ints) -> "Faces":
        if np.array_equal(rows, np.arange(len(self))):
            return self  # embeddings of a large library are the largest thing there is
        return Faces(self.embeddings[rows], self.photos[rows], self.excess[rows])


def cluster_faces(
    faces: Faces,
    calibration: Calibration | None,
    *,
    constraints: Constraints | None = None,
    eps: float | None = None,
    min_samples: int = 2,
    options: Options = DEFAULTS,
    device: str = "cpu",
    expected: int = 0,
) -> Ints:
    """Cluster faces by person, within what the user has decided.

    Args:
        calibration: of the model; may be None where eps is given.
        eps: plain DBSCAN at this distance instead, as scikit-learn has it.
        min_samples: of DBSCAN, of the cores or of the whole; as scikit-learn has it.
        device: as `pick_device` takes it; more good faces than ALL_PAIRS are compared on it, where it is a CUDA device.
        expected: cut as strictly as for so many faces, where more are to come.

    Returns:
        (n,) int64 labels: 0 is the largest cluster, equal sizes by content; faces in no cluster are -1.

    Raises:
        InputError: eps or min_samples out of range.
    """
    hold_native_threads()
    if min_samples < 1:
        raise InputError(f"min_samples must be at least 1, not {min_samples} (--min-samples)")
    constraints = constraints or Constraints.none(len(faces))
    order = by_content(faces.embeddings, faces.excess, faces.photos, constraints)
    ordered, told = faces.take(order), constraints.rows(order)
    del faces  # the largest thing there is, if the caller has let go of it too
    labels = np.full(len(ordered), NOISE, np.int64)
    if eps is not None:
        labels[order] = renumber_by_size(dbscan_within(ordered.embeddings, eps, min_samples, told))
    elif len(ordered):
        assert calibration is not None
        cuts = Cuts.of(max(len(ordered), expected), calibration, options)
        labels[order] = _numbered(Clusterer(ordered, cuts, min_samples, options, device).cluster(told), told)
    return labels


@dataclass(frozen=True)
class Cuts:
    """Distances that follow from a calibration and the number of faces.

    eps: of the density cores. single, large: cuts between two single faces and between two large clusters.
    crowd_radius, expected: where look-alikes are counted, and how many strangers a good face has there.
    nats: of false-accept rate per squared distance.
    """

    eps: float
    single: float
    large: float
    crowd_radius: float
    expected: float
    nats: float

    @classmethod
    def of(cls, faces: int, calibration: Calibration, options: Options = DEFAULTS) -> "Cuts":
        """The cuts of a library with so many faces, weak ones among them: each may be joined wrongly."""
        n = float(max(faces, 1))
        single = distance_at(calibration, options.single / n)
        crowd_far = min(options.crowd / n, options.crowd_far)
        return cls(
            eps=distance_at(calibration, min(options.cores / n**2, options.cores_far)),
            single=single,
            large=max(distance_at(calibration, options.large * n**-options.large_power), single),
            crowd_radius=distance_at(calibration, crowd_far),
            expected=crowd_far * n,
            nats=nats_per_squared_distance(calibration),
        )


class Clusterer:
    """The default method on one set of faces, and what was measured among them.

    Strong faces are looked at for clusters; weak ones are put into the clusters that there are.
    """

    def __init__(
        self, faces: Faces, cuts: Cuts, min_samples: int = 2, options: Options = DEFAULTS, device: str = "cpu"
    ) -> None:
        self.faces, self.cuts, self.min_samples, self.options = faces, cuts, min_samples, options
        self._device = device
        self.strong = faces.strong(options)

    def cluster(self, constraints: Constraints) -> Ints:
        """(n,) int64 labels; -1 for faces alone."""
        labels = np.full(len(self.faces), NOISE, np.int64)
        if len(self.strong):
            labels[self.strong], shift = self._strong_clusters(constraints.rows(self.strong))
        else:
            shift = np.zeros(0)
        return self._with_weak(labels, shift, constraints)

    def cut2(self, sizes: Floats) -> Floats:
        """The squared cut between two clusters whose sizes have this product."""
        share = sizes**-self.options.size_power
        return np.asarray(self.cuts.large**2 * (1 - share) + self.cuts.single**2 * share)

    # -- strong faces ---------------------------------------------------------------------------------------------

    def _strong_clusters(self, constraints: Constraints) -> tuple[Ints, Floats]:
        """Labels of the strong faces, those alone included, and the shift that each has."""
        faces, together = self.faces.take(self.strong), self.options.together / self.cuts.nats
        seen = self._compared(faces)
        start = constraints.enforce(seen.cores(self.cuts.eps, self.min_samples))
        shift = np.zeros(len(faces))
        labels = start
        for number in range(self.options.passes):
            if number:
                shift = self._shift(seen.strangers(self.cuts.crowd_radius, labels))
            labels = seen.joined(start, shift, self.cut2, self.cuts.large**2, together, constraints)
        return labels, shift

    def _compared(self, faces: Faces) -> Few | Many:
        """The faces as far as they are compared: all pairs of up to 20,000 faces, if these are at most 100 million."""
        if len(faces) > ALL_PAIRS:
            return Many(faces.embeddings, faces.photos, self._device)
        # the largest shift that _shift can give, but for the crowding
        most = np.log1p(self.cuts.expected / self.options.trust) / self.cuts.nats
        reach = np.sqrt(self.cuts.large**2 + 2 * self.options.crowding * most)
        try:
            return Few(faces.embeddings, faces.photos, float(max(reach, self.cuts.crowd_radius, self.cuts.eps)))
        except TooManyPairsError:  # of a person with more than about 10,000 photos
            return Many(faces.embeddings, faces.photos, self._device)

    def _shift(self, strangers: Floats) -> Floats:
        """Squared distance to take off a pair for each of its faces: negative where look-alikes crowd around it.

        The excess is a Gamma-Poisson estimate from the strangers counted within the radius.
        """
        rate = (strangers + self.options.trust) / (self.cuts.expected + self.options.trust)
        return np.asarray(-self.options.crowding * np.log(rate) / self.cuts.nats)

    # -- weak faces -----------------------------------------------------------------------------------------------

    def _with_weak(self, labels: Ints, shift: Floats, constraints: Constraints) -> Ints:
        """Weak faces put where they belong: with their person where that is confirmed, else by distance."""
        sizes = np.bincount(labels[self.strong]) if len(self.strong) else np.zeros(0, np.int64)
        sure = labels.copy()
        weak = np.setdiff1d(np.arange(len(labels)), self.strong)
        told = weak[constraints.person[weak] != NOBODY]
        homes = constraints.homes(labels, self.strong)
        fresh = int(labels.max(initial=-1)) + 1
        for row in told:
            person = int(constraints.person[row])
            sure[row] = homes.setdefault(person, fresh + len(homes))
        alone = np.zeros(len(labels), np.bool_)
        alone[self.strong] = (sizes[labels[self.strong]] == 1) & (constraints.person[self.strong] == NOBODY)
        sure[alone & ~np.isin(sure, sure[told])] = NOISE
        loose = weak[constraints.person[weak] == NOBODY]
        full_shift = np.zeros(len(labels))
        full_shift[self.strong] = shift
        sure[loose] = self.nearest_cluster(sure, full_shift, loose, constraints)
        return sure

    def nearest_cluster(self, labels: Ints, shift: Floats, rows: Ints, constraints: Constraints) -> Ints:
        """For some faces the cluster that is nearest on average, within the cut; -1 where none is, or it is refused.

        Args:
            labels: (n,) clusters, -1 for faces in none.
            shift: (n,) squared distance that each face adds to the cut.
            rows: the faces to place; their own labels do not count.
        """
        found, cheapest = np.full(len(rows), NOISE, np.int64), np.zeros(len(rows))
        members = np.flatnonzero(labels != NOISE)
        members = members[~np.isin(members, rows)]
        clusters, inverse, sizes = np.unique(labels[members], return_inverse=True, return_counts=True)
        if not len(clusters) or not len(rows):
            return found
        means = summed(self.faces.embeddings[members], inverse, len(clusters), np.float64) / sizes[:, None]
        allowed2 = np.bincount(inverse, shift[members]) / sizes + self.cut2(sizes.astype(np.float64))
        poor = np.asarray(np.bincount(inverse, self.faces.excess[members]), np.float64)
        against = self._against(poor / sizes, self.options.company_from)
        whose = constraints.homes(labels, members)
        block = max(1, WEAK_BLOCK // len(clusters))
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            cost = 2 - 2 * self.faces.embeddings[part].astype(np.float64) @ means.T - allowed2 - shift[part, None]
            cost += np.minimum(against, self.faces.excess[part, None]) / self.cuts.nats
            for i, row in enumerate(part):
                for person in constraints.rejected.get(int(row), ()):
                    if person in whose:
                        cost[i, np.searchsorted(clusters, whose[person])] = np.inf
            best = cost.argmin(axis=1)
            inside = cost[np.arange(len(part)), best] <= 0
            found[start : start + block] = np.where(inside, best, NOISE)
            cheapest[start : start + block] = cost[np.arange(len(part)), best]
        return self._that_stay(found, cheapest, rows, against, (poor, sizes), clusters)

    def _against(self, company: Floats, limit: float) -> Floats:
        """Nats against joining faces of such mean excess."""
        return np.asarray(self.options.poor_company * np.maximum(company - limit, 0.0))

    def _that_stay(
        self, found: Ints, cost: Floats, rows: Ints, before: Floats, cluster: tuple[Floats, Ints], clusters: Ints
    ) -> Ints:
        """Of faces that would join clusters those that do so beside all others that would, too: a few good faces do not
        vouch for a crowd of poor ones.

        Args:
            found: (r,) places among the clusters, -1 for none. cost: (r,) what is below 0 joins.
            before: (c,) nats against joining, as in cost. cluster: (c,) sums of excess and sizes without these faces.
        """
        joins, excess = found != NOISE, self.faces.excess[rows]
        poor, sizes = cluster
        more = np.bincount(found[joins], excess[joins], minlength=len(clusters))
        together = (poor + more) / (sizes + np.bincount(found[joins], minlength=len(clusters)))
        after = self._against(together, self.options.crowd_from)
        dearer = np.minimum(after[found], excess) - np.minimum(before[found], excess)
        stays = joins & (cost + np.maximum(dearer, 0.0) / self.cuts.nats <= 0)
        return np.where(stays, clusters[found], NOISE)


def _numbered(labels: Ints, constraints: Constraints) -> Ints:
    """Clusters numbered from the largest, equal sizes by their first row; a face alone is none, unless confirmed."""
    _, inverse, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    alone = (sizes[inverse] == 1) & (constraints.person == NOBODY)
    return renumber_by_size(np.where(alone, NOISE, labels))
