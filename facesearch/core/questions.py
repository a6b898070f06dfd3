"""What the user is asked about faces and people, and what an answer would concern."""

from dataclasses import dataclass

from facesearch.core.types import Cluster, Face

__all__ = ["Few", "Question"]


@dataclass(frozen=True)
class Few:
    """How many people are on fewer photos than so many: without a name and with one; ignored ones do not count."""

    photos: int
    unnamed: int
    named: int


@dataclass(frozen=True)
class Question:
    """Whether a face in no cluster is a person's; where somebody is on a photo more than once, which face is theirs.

    cluster: of the person, with its cover.
    faces: all of one photo, from left to right: the one that is asked about, and those that are in the cluster.
    probability: that the face in no cluster is theirs, as a search would say; None where all are in the cluster.
    examples: ids of other faces of the cluster, the most typical first.
    """

    cluster: Cluster
    faces: tuple[Face, ...]
    probability: float | None
    examples: tuple[int, ...]
