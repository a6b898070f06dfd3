"""What the user has decided about some faces, in terms of their rows."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOBODY", "Said"]

NOBODY = -1


@dataclass(frozen=True)
class Said:
    """Decisions that a clustering must respect.

    person: (n,) int64, the person that a row is confirmed to be, or NOBODY. Rows of one person stay together, rows of
        two people apart.
    refused: row -> the people that it is not.
    """

    person: NDArray[np.int64]
    refused: dict[int, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def nothing(cls, n: int) -> "Said":
        return cls(np.full(n, NOBODY, np.int64))

    def rows(self, rows: NDArray[np.int64]) -> "Said":
        """The same for some of the rows, renumbered in their order."""
        new = {int(old): i for i, old in enumerate(rows)} if self.refused else {}
        return Said(self.person[rows], {new[row]: people for row, people in self.refused.items() if row in new})

    def enforce(self, labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Make a partition agree with what was said, as carefully as can be.

        A group that holds two people, or a face next to somebody whom it is not, falls into its single faces but for
        the confirmed ones; then all groups of one person become one.

        Args:
            labels: (n,) int64, at least 0.

        Returns:
            (n,) int64 labels from 0 on.
        """
        labels = labels.copy()
        fresh = int(labels.max(initial=-1)) + 1
        people: dict[int, set[int]] = {}
        for row in np.flatnonzero(self.person != NOBODY).tolist():
            people.setdefault(int(labels[row]), set()).add(int(self.person[row]))
        broken = {group for group, who in people.items() if len(who) > 1}
        for row, refused in self.refused.items():
            if refused & people.get(int(labels[row]), set()):
                broken.add(int(labels[row]))
        loose = np.flatnonzero(np.isin(labels, list(broken)))
        labels[loose] = fresh + np.arange(len(loose))
        home_of = np.arange(int(labels.max(initial=-1)) + 1)
        homes: dict[int, int] = {}
        for row in np.flatnonzero(self.person != NOBODY).tolist():
            home_of[labels[row]] = homes.setdefault(int(self.person[row]), int(labels[row]))
        return np.asarray(np.unique(home_of[labels], return_inverse=True)[1], dtype=np.int64)
