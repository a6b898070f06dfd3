"""What a library can be moved to, and whether it is there already; loads no network."""

from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.storage import Store
from facesearch.storage.pending_faces import Target

__all__ = ["FIRST_DETECTOR", "is_current", "offer", "target_of"]

# What a library that does not say so was made with.
FIRST_DETECTOR = "mtcnn"


def target_of(store: Store, model: ModelSpec, detector: DetectorSpec) -> Target:
    """What moving a library to a model and a detector means for it."""
    before = store.detector
    anew = detector.fingerprint != before.fingerprint if before else detector.name != FIRST_DETECTOR
    return Target(model, detector, anew)


def is_current(store: Store, target: Target) -> bool:
    """Whether the library has that model and detector already."""
    return not target.anew and store.spec.fingerprint == target.model.fingerprint


def offer(store: Store, model: ModelSpec, detector: DetectorSpec) -> str | None:
    """That a library can be moved to the defaults, in one sentence; None where it has them."""
    target = target_of(store, model, detector)
    if is_current(store, target):
        return None
    before = store.detector.name if store.detector else FIRST_DETECTOR
    return (
        f"`facesearch migrate` moves this library from {store.spec.name} with {before} to {model.name} with"
        f" {detector.name}, and keeps names and decisions"
    )
