"""Downloads published weights: checked, resumed when cut off, and never left half done under their own name."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from facesearch.core.errors import WeightsError
from facesearch.core.files import make_folders, part_of, put_in_place
from facesearch.core.weights import WeightsFile, sha256_of

__all__ = ["Progress", "fetch"]

# Called with (bytes on disk, bytes in all).
Progress = Callable[[int, int], None]

_BLOCK_BYTES = 1 << 18
_TIMEOUT_S = 30


def fetch(weights: WeightsFile, progress: Progress | None = None) -> Path:
    """Bring the file into the cache, unless it is already there, and check its SHA-256.

    What arrives is kept in `<name>.part` until it is complete; a download that was cut off goes on from there.

    Raises:
        WeightsError: no hash or address is known, there is no network, the download was cut off, or the file that
            came is another one (and was removed).
    """
    target, url, sha256, total = weights.path, weights.url, weights.sha256, weights.size_bytes
    if target is None and weights.package is None:
        raise WeightsError(f"there is no home folder to keep {weights.filename} in: set FACESEARCH_CACHE to a folder")
    if target is None or url is None or sha256 is None or total is None:
        raise WeightsError(f"{weights.filename} has no published hash, so it is not downloaded: put it at {target}")
    if target.is_file() and sha256_of(target) == sha256:
        return target
    part = part_of(target)
    try:
        make_folders(target.parent)
        _complete(part, url, total, progress or (lambda done, total: None))
    except (OSError, http.client.HTTPException) as error:
        raise _interrupted(error, url, part, total) from error
    found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise WeightsError(
            f"{url} gave another file (SHA-256 {found[:16]}… instead of {sha256[:16]}…), and it was "
            f"removed: try again, or {_by_hand(part)}"
        )
    put_in_place(part, target)
    return target


def _complete(part: Path, url: str, total: int, progress: Progress) -> None:
    """Append what the part file lacks."""
    done = _size(part)
    if done >= total:  # complete already, or not ours: the hash decides
        return
    headers = {"User-Agent": "facesearch", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S) as response:
        if response.status != http.client.PARTIAL_CONTENT:  # the server cannot resume and sends all of it
            done = 0
        length = response.headers["Content-Length"]
        if length is not None and done + int(length) != total:  # a sign-in page, for one
            raise WeightsError(f"{url} gives {done + int(length)} bytes instead of {total}: {_by_hand(part)}")
        with part.open("ab" if done else "wb") as file:
            progress(done, total)
            while done < total and (block := response.read(min(_BLOCK_BYTES, total - done))):
                file.write(block)
                done += len(block)
                progress(done, total)
    if done < total:
        raise http.client.IncompleteRead(b"", total - done)


def _interrupted(error: Exception, url: str, part: Path, total: int) -> WeightsError:
    """A download that never began is told from one that stopped."""
    if isinstance(error, urllib.error.URLError) or not _size(part):
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return WeightsError(f"cannot download {url} ({reason}): {_by_hand(part)}")
    reason = f" ({error})" if isinstance(error, OSError) else ""  # a full disk or a time-out, not just a short answer
    return WeightsError(f"the download stopped after {_size(part)} of {total} bytes{reason}: run it again to continue")


def _by_hand(part: Path) -> str:
    return f"get the file in another way and put it at {part.with_suffix('')}"


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
