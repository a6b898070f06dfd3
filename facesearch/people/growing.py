"""Clusters that appear and grow while photos come in.

Clustering looks at all faces, so it is done again only when there are many more, and when much time has passed since.
"""

import time
from collections.abc import Callable

from facesearch.calibration import Calibration
from facesearch.people.clustering import place_new, recluster
from facesearch.storage import Store

__all__ = ["Growing"]

# Clustering is begun at the earliest so long after the last time, and after so many times what that has taken: it costs
# a twentieth of a run.
SOONEST_S, PAUSE = 2.0, 20.0
# By how much the library must have grown since the last clustering; until then only known people get their new faces.
GROWTH = 1 / 8
# Until the end it is as strict as in a library of so many faces, as what is named then is confirmed; see decision 057.
EXPECTED = 10_000
# At the end a library of so many faces is clustered anyway, a larger one when so much has come that it is due.
SMALL = 50_000


class Growing:
    """What is done between the batches of one run. Args: clock: in seconds."""

    def __init__(
        self,
        store: Store,
        calibration: Calibration,
        device: str = "cpu",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._calibration, self._device, self._clock = store, calibration, device, clock
        self._next, self._seen, self.placed = clock() + SOONEST_S, 0, 0

    def between_batches(self, run: int, faces: int) -> None:
        """Cluster, or place new faces, where it is time. Args: faces: that the run has brought so far."""
        began = self._clock()
        if faces == self._seen or began < self._next:
            return
        if self._is_due():
            recluster(self._store, self._calibration, device=self._device, running=run, expected=EXPECTED)
        else:
            self.placed += place_new(self._store, self._calibration, running=run)
        ended = self._clock()
        self._seen, self._next = faces, ended + max(SOONEST_S, PAUSE * (ended - began))

    def finish(self, cluster: bool) -> int:
        """The end of a run: known people have their new faces; how many these are.

        Args:
            cluster: the clusters are what one clustering makes of all faces then; in a large library, if it is due.
        """
        self.placed += place_new(self._store, self._calibration)
        counts = self._store.counts()
        if cluster and counts.faces_since_clustering and (counts.faces <= SMALL or self._is_due()):
            recluster(self._store, self._calibration, device=self._device)
        return self.placed

    def _is_due(self) -> bool:
        counts = self._store.counts()
        return counts.faces_since_clustering > GROWTH * (counts.faces - counts.faces_since_clustering)
