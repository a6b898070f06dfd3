"""Files with published weights: where they lie on this machine, and whether they are the published ones."""

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from facesearch.core.errors import WeightsError

__all__ = ["WeightsFile", "cache_dir", "check_sha256", "sha256_of"]


@dataclass(frozen=True)
class WeightsFile:
    """A file that others published.

    package, folder: the installed package that carries it, and where in it; without one it lies in the user's cache.
    url, sha256, size_bytes: of the published file; None where that is not known, and then it is never downloaded.
    """

    filename: str
    package: str | None = None
    folder: str = "models"
    url: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None

    @property
    def path(self) -> Path | None:
        """Where the file is, or belongs; None where its package is not installed, or there is no cache."""
        if self.package is None:
            cache = cache_dir()
            return cache and cache / self.filename
        # Found, not imported: importing face_recognition_models fails where setuptools has no pkg_resources.
        found = importlib.util.find_spec(self.package)
        if found is None or not found.submodule_search_locations:
            return None
        return Path(found.submodule_search_locations[0]) / self.folder / self.filename

    @property
    def ready(self) -> bool:
        """The file is there and has the published size; its hash is checked when it is loaded."""
        path = self.path
        return path is not None and path.is_file() and self.size_bytes in (None, path.stat().st_size)


def cache_dir() -> Path | None:
    """The folder of downloaded weights: $FACESEARCH_CACHE/models, else in the platform's folder for caches.

    None where there is none, as for a user without a home folder.
    """
    base = os.environ.get("FACESEARCH_CACHE")
    if base:
        return Path(os.path.expanduser(base)) / "models"
    import platformdirs

    try:
        return Path(platformdirs.user_cache_dir("facesearch", appauthor=False)) / "models"
    except RuntimeError:
        return None


def sha256_of(path: Path) -> str:
    """SHA-256 of the file, hexadecimal.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error


def check_sha256(path: Path, expected: str) -> None:
    """Raises WeightsError where the file is not the one with this hash."""
    found = sha256_of(path)
    if found != expected:
        raise WeightsError(
            f"{path} is not the expected file: SHA-256 {found[:16]}… instead of {expected[:16]}…; "
            "put the right file there"
        )
