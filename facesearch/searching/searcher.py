"""`Library.search`: pictures against the faces of a library, and against each other."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from facesearch.calibration import Calibration
from facesearch.core.checks import Count, Distance, checked
from facesearch.core.results import Match, QueryResult, Verification
from facesearch.media import Medium
from facesearch.pipeline.pipeline import Pipeline
from facesearch.searching.search import candidates, compare, query
from facesearch.storage import Store

__all__ = ["Searcher"]


@checked
class Searcher:
    """Identification and verification with a library's model.

    Args:
        pipeline, calibration: called when first needed, as neither is by every question.
    """

    def __init__(
        self, store: Store, pipeline: Callable[[], Pipeline], calibration: Callable[[], Calibration | None]
    ) -> None:
        self._store, self._pipeline, self._calibration = store, pipeline, calibration

    def query(
        self, image: str | os.PathLike[str] | Medium, k: int = 10, *, face: int | None = None, called: str | None = None
    ) -> QueryResult:
        """The k faces of the library nearest to each face of a picture; see `facesearch.searching.search.query`."""
        with ThreadPoolExecutor(1) as beside:  # the networks and the vector index are loaded side by side
            opened = beside.submit(lambda: self._store.vectors)
            pipeline = self._pipeline()
            opened.result()
        return query(self._store, pipeline, self._calibration(), image, k, face, called)

    def candidates(self, face: int, k: Count = 3) -> tuple[Match, ...]:
        """Who a face of the library may be, likeliest first; see `facesearch.searching.search.candidates`."""
        return candidates(self._store, self._calibration(), face, k)

    def verify(
        self, a: str | os.PathLike[str], b: str | os.PathLike[str], *, threshold: Distance | None = None
    ) -> Verification:
        """Whether the main faces of two pictures are one person; see `facesearch.searching.search.compare`."""
        return compare(self._pipeline(), self._calibration(), a, b, threshold)
