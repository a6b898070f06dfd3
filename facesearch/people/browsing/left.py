"""What is left to do: the questions and faults that wait for the user, counted for every page."""

from dataclasses import dataclass

from facesearch.calibration import Calibration
from facesearch.core.results import Counts
from facesearch.people.browsing.pairs import PairList
from facesearch.people.browsing.questions import QuestionList
from facesearch.storage import Store, cluster_pages, database
from facesearch.storage.counts import waiting

__all__ = ["Left", "LeftToDo"]

# Questions are looked for, for their number only, in libraries of at most so many faces: that takes less than a blink.
SMALL = 3000


@dataclass(frozen=True)
class LeftToDo:
    """What the user may decide or do next.

    unnamed: clusters without a name. pairs: of clusters that may be one person; asked: questions about faces; both None
        where nobody has looked for them.
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
    """Counts once after each change of the library, as every page asks; threads may share it."""

    def __init__(self, store: Store, pairs: PairList, questions: QuestionList) -> None:
        self._store, self._pairs, self._questions = store, pairs, questions
        self._counts: tuple[str, Counts] | None = None
        self._left: tuple[object, LeftToDo] | None = None

    def counts(self) -> Counts:
        """How many clusters and faces of each kind there are."""
        version, known = database.version(self._store.folder), self._counts
        if known is None or known[0] != version:
            with self._store.reading() as connection:
                known = version, cluster_pages.counts(connection)
            self._counts = known
        return known[1]

    def now(self, calibration: Calibration | None) -> LeftToDo:
        """Args: calibration: None where nobody has measured what distances mean."""
        state = database.version(self._store.folder), self._pairs.made_at, self._questions.made_at
        known = self._left
        if known is None or known[0] != state:
            known = state, self._counted(calibration)
            self._left = known
        return known[1]

    def _counted(self, calibration: Calibration | None) -> LeftToDo:
        counts = self.counts()
        with self._store.reading() as connection:
            faces, new, failures = waiting(connection)
        new = min(new, counts.unclustered)
        looking = calibration if faces <= SMALL and not new else None
        pairs, asked = self._pairs.waiting(looking), self._questions.waiting(looking)
        return LeftToDo(counts.unnamed, pairs, asked, counts.unclustered, new, failures)
