"""What `facesearch status` tells of a library: its counts, model, index and sizes on the disk."""

from pathlib import Path
from typing import TYPE_CHECKING

from facesearch.core.results import Status
from facesearch.core.wording import by_kind
from facesearch.storage import roots
from facesearch.storage.vectors import kind_for

if TYPE_CHECKING:
    from facesearch.storage.store import Store

__all__ = ["status_of"]


def status_of(store: "Store", threshold: float | None, migration: str | None = None) -> Status:
    """Args: threshold: of the library's calibration; None where there is none. migration: as in `Status`."""
    counts = store.counts()
    with store.reading() as connection:
        paused = roots.paths(connection, paused=True)
    return Status(
        library=str(store.folder),
        photos=counts.photos,
        files=counts.files,
        missing=counts.missing,
        offline=counts.offline,
        faces=counts.faces,
        photos_without_faces=counts.photos_without_faces,
        people=counts.people,
        groups=counts.groups,
        faces_in_groups=counts.faces_in_groups,
        faces_since_clustering=counts.faces_since_clustering,
        model=store.spec.name,
        fingerprint=store.spec.fingerprint,
        dim=store.spec.dim,
        detector=store.detector,
        threshold=threshold,
        index=kind_for(counts.faces, store.search_config),
        database_bytes=_size(store.folder, "library.sqlite3*"),
        index_bytes=_size(store.folder, "faces.faiss"),
        roots=tuple(store.roots()),
        failures=tuple(store.failures()),
        skipped=by_kind(store.skipped().values()),
        migration=migration,
        paused=tuple(paused),
    )


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))
