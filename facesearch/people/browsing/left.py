"""What is left to do: the questions and faults that wait for the user, counted for every page."""

from dataclasses import dataclass

from facesearch.calibration import Calibration
from facesearch.people.browsing.pairs import PairList
from facesearch.people.browsing.questions import QuestionList
from facesearch.storage import Store, cluster_pages, database

__all__ = ["Left", "LeftToDo"]

# Questions are looked for, for their number only, in libraries of at most so many faces: that takes less than a blink.
SMALL = 3000


@dataclass(frozen=True)
class LeftToDo:
    """What the user may decide or do next.

    unnamed: clusters without a name. pairs: of clusters that may be one person; asked: faces of which is asked whose they
        are; both None where nobody has looked for them.
    alone: faces in no cluster, of which `new` came since the last clustering. failures: files that could not be read.
    """

    unnamed: int
    pairs: int | None
    asked: int | None
    alone: int
    new: int
    failures: int

    @property
    def nothing(self) -> bool:
        return not (self.unnamed or self.pairs or self.asked or self.alone or self.failures)


class Left:
    """Counts once after each change of the library; threads may share it."""

    def __init__(self, store: Store, pairs: PairList, questions: QuestionList) -> None:
        self._store, self._pairs, self._questions = store, pairs, questions
        self._known: tuple[object, LeftToDo] | None = None

    def now(self, calibration: Calibration | None) -> LeftToDo:
        """Args: calibration: None where nobody has measured what distances mean."""
        state = database.version(self._store.folder), self._pairs.made_at, self._questions.made_at
        known = self._known
        if known is None or known[0] != state:
            known = state, self._counted(calibration)
            self._known = known
        return known[1]

    def _counted(self, calibration: Calibration | None) -> LeftToDo:
        with self._store.reading() as connection:
            clusters = cluster_pages.counts(connection)
        counts = self._store.counts()
        new = min(counts.faces_since_clustering, clusters.unclustered)
        looking = calibration if counts.faces <= SMALL and not new else None
        pairs, asked = self._pairs.waiting(looking), self._questions.waiting(looking)
        return LeftToDo(clusters.unnamed, pairs, asked, clusters.unclustered, new, counts.failures)
