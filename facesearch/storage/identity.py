"""Which library this is, and of which model and detector: given to it when it is made, and checked from then on."""

import uuid
from collections.abc import Mapping

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert as upsert

from facesearch.core.errors import ModelMismatchError
from facesearch.core.settings import DetectorSpec, ModelSpec
from facesearch.storage import facts as facts_of
from facesearch.storage import schema as db

__all__ = ["detector_of", "found", "require_detector", "require_model", "require_unmoved"]


def found(connection: Connection, spec: ModelSpec, detector: DetectorSpec | None) -> dict[str, str]:
    """Make a library of what has no facts yet. Returns all facts: those of another process that was faster, perhaps."""
    new = {"uuid": uuid.uuid4().hex, "model": spec.to_json(), "generation": "0"}
    new |= {"detector": detector.to_json()} if detector else {}
    rows = [{"key": key, "value": value} for key, value in new.items()]
    connection.execute(upsert(db.library).on_conflict_do_nothing(), rows)
    return facts_of.read(connection)


def detector_of(facts: Mapping[str, str]) -> DetectorSpec | None:
    return DetectorSpec.from_json(facts["detector"]) if "detector" in facts else None


def require_model(own: ModelSpec, asked: ModelSpec) -> None:
    """Raises ModelMismatchError unless a library's embeddings are this model's."""
    if asked.fingerprint != own.fingerprint:
        raise ModelMismatchError(
            f"the library was made with the model {own.name} ({own.fingerprint}), not with {asked.name}"
            f" ({asked.fingerprint}): use it without --model, choose another --library, or move it with"
            f" `facesearch migrate --model {asked.name}`"
        )


def require_detector(own: DetectorSpec | None, asked: DetectorSpec | None) -> None:
    """Raises ModelMismatchError where a library's faces were found by another detector, as far as is known."""
    if asked and own and asked.fingerprint != own.fingerprint:
        raise ModelMismatchError(
            f"the library's faces were found by the detector {own.name} ({own.fingerprint}),"
            f" not by {asked.name} ({asked.fingerprint}): use that one, choose another --library, or move it with"
            f" `facesearch migrate --detector {asked.name}`"
        )


def require_unmoved(facts: Mapping[str, str], spec: ModelSpec, model: str, detector: DetectorSpec | None) -> None:
    """Raises ModelMismatchError where another process has moved the library to another model or detector since.

    Args: spec, model, detector: as it was opened; model is the spec as it is stored.
    """
    now = detector_of(facts)
    if facts["model"] != model:
        change = f"model {spec.name} to {ModelSpec.from_json(facts['model']).name}"
    elif now != detector:
        change = f"detector {detector.name if detector else 'of before'} to {now.name if now else 'none'}"
    else:
        return
    raise ModelMismatchError(f"the library was moved from the {change} by another process: start again")
