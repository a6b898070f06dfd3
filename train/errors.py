"""Errors of training, below facesearch's own.

FacesearchError
└── TrainingError       a run that cannot go on; what it had saved before is intact
    ├── CollapsedError  all embeddings are alike
    └── DivergedError   the loss is not a number
"""

from facesearch.core.errors import FacesearchError

__all__ = ["CollapsedError", "DivergedError", "TrainingError"]


class TrainingError(FacesearchError):
    """A run that cannot go on; what it had saved before is intact."""


class CollapsedError(TrainingError):
    """All embeddings are alike: the network has found the triplet loss's trivial answer."""


class DivergedError(TrainingError):
    """The loss is NaN or infinite."""
