"""What a library can be moved to, and whether it is there already; loads no network."""

from facesearch.core import settings
from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.storage import Store
from facesearch.storage.pending_faces import Target

__all__ = ["FIRST_DETECTOR", "detector_spec", "is_current", "offer", "target_of"]

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


def offer(store: Store, model: ModelSpec, detector: str) -> str | None:
    """That a library can be moved to a model and a detector of this name, in one sentence; None where it has them."""
    before = store.detector.name if store.detector else FIRST_DETECTOR
    if before == detector and store.spec.fingerprint == model.fingerprint:
        return None
    return (
        f"`facesearch migrate` moves this library from {store.spec.name} with {before} to {model.name} with"
        f" {detector}, and keeps names and decisions"
    )


def detector_spec(name: str | None) -> DetectorSpec:
    """What identifies a detector; None for the default."""
    from facesearch import detection  # here, not above: it loads OpenCV

    return detection.resolve(name or settings.DEFAULT_DETECTOR)
