"""What the user has decided about some faces, in terms of their rows."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOBODY", "Constraints"]

NOBODY = -1


@dataclass(frozen=True)
class Constraints:
    """Decisions that a clustering must respect.

    person: (n,) int64, the person that a row is confirmed to be, or NOBODY. Rows of one person stay together, rows of
        two people apart.
    rejected: row -> the people that it is not.
    """

    person: NDArray[np.int64]
    rejected: dict[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def none(cls, n: int) -> "Constraints":
        return cls(np.full(n, NOBODY, np.int64))

    def rows(self, rows: NDArray[np.int64]) -> "Constraints":
        """The same for some of the rows, renumbered in their order."""
        new = {int(old): i for i, old in enumerate(rows)} if self.rejected else {}
        return Constraints(self.person[rows], {new[row]: people for row, people in self.rejected.items() if row in new})

    def enforce(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Make a partition agree with the constraints, as carefully as can be.

        A cluster that holds two people, or a face with a person whom it is not, falls into its single faces but for
        the confirmed ones; then all clusters of one person become one.

        Args:
            labels: (n,) int64, at least 0.

        Returns:
            (n,) int64 labels from 0 on.
        """
        labels = labels.copy()
        fresh = int(labels.max(initial=-1)) + 1
        loose = np.flatnonzero(np.isin(labels, list(self.broken(labels))))
        labels[loose] = fresh + np.arange(len(loose))
        home_of = np.arange(int(labels.max(initial=-1)) + 1)
        homes: dict[int, int] = {}
        for row in np.flatnonzero(self.person != NOBODY).tolist():
            home_of[labels[row]] = homes.setdefault(int(self.person[row]), int(labels[row]))
        return np.asarray(np.unique(home_of[labels], return_inverse=True)[1], dtype=np.int64)

    def broken(self, labels: NDArray[np.int64]) -> set[int]:
        """The clusters that hold two people, or a face with a person whom it is not."""
        people: dict[int, set[int]] = {}
        for row in np.flatnonzero(self.person != NOBODY).tolist():
            people.setdefault(int(labels[row]), set()).add(int(self.person[row]))
        broken = {cluster for cluster, who in people.items() if len(who) > 1}
        for row, refused in self.rejected.items():
            if refused & people.get(int(labels[row]), set()):
                broken.add(int(labels[row]))
        return broken

    def by_cluster(self, labels: NDArray[np.int64], count: int) -> tuple[list[int], list[frozenset[int]]]:
        """For each cluster of a partition that agrees with the constraints: who it is, and who it is not."""
        who = [NOBODY] * count
        refused: list[frozenset[int]] = [frozenset()] * count
        for row in np.flatnonzero(self.person != NOBODY).tolist():
            who[labels[row]] = int(self.person[row])
        for row, people in self.rejected.items():
            refused[labels[row]] |= people
        return who, refused

    def homes(self, labels: NDArray[np.int64], rows: NDArray[np.int64]) -> dict[int, int]:
        """Person -> the cluster of their last confirmed face among some rows."""
        told = rows[self.person[rows] != NOBODY]
        return dict(zip(self.person[told].tolist(), labels[told].tolist(), strict=True))

    def linked(
        self, labels: NDArray[np.int64], a: NDArray[np.int64], b: NDArray[np.int64], once: NDArray[np.bool_]
    ) -> NDArray[np.int64]:
        """Join clusters along pairs of rows, in the order given, except where that contradicts the constraints.

        Args:
            labels: (n,) int64 from 0 on; they agree with the constraints.
            a, b: (m,) rows.
            once: (m,) whether the pair counts only while row a is in a cluster of its own.

        Returns:
            (n,) int64 labels from 0 on.
        """
        sizes = np.bincount(labels).tolist()
        parent = list(range(len(sizes)))
        who, refused = self.by_cluster(labels, len(sizes))

        def root(x: int) -> int:
            while parent[x] != x:
                parent[x] = x = parent[parent[x]]
            return x

        for first, second, single in zip(labels[a].tolist(), labels[b].tolist(), once.tolist(), strict=True):
            x, y = root(first), root(second)
            strangers = NOBODY not in (who[x], who[y]) and who[x] != who[y]
            strangers = strangers or who[x] in refused[y] or who[y] in refused[x]
            if x != y and not strangers and not (single and sizes[x] > 1):
                parent[x], sizes[y] = y, sizes[x] + sizes[y]
                who[y], refused[y] = max(who[x], who[y]), refused[x] | refused[y]
        return np.asarray(np.unique([root(x) for x in labels.tolist()], return_inverse=True)[1], dtype=np.int64)
