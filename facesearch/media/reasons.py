"""Turn what goes wrong with a file into a few words that a person understands."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from facesearch.core.errors import PhotoError

__all__ = ["as_photo_errors", "os_reason"]

_OS_REASONS = {
    errno.ENOENT: "no longer there",
    errno.ENOTDIR: "no longer there",
    errno.ESTALE: "no longer there",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ELOOP: "a link that leads back to itself",
}


def os_reason(error: OSError | ValueError) -> str:
    """Why the operating system refused, without the path."""
    number = getattr(error, "errno", None)
    if not number:
        return str(error)
    return _OS_REASONS.get(number) or os.strerror(number).lower()


@contextmanager
def as_photo_errors() -> Iterator[None]:
    """Turn every exception into a PhotoError: decoders raise nearly all there are when a file is hostile."""
    try:
        yield
    except PhotoError:
        raise
    except MemoryError as error:
        raise PhotoError("not enough memory to decode it") from error
    except Image.DecompressionBombError as error:  # only WebP and GIF come here: their plugins check by themselves
        raise PhotoError(f"too large for Pillow: {_first_clause(error)}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise PhotoError(os_reason(error)) from error
        raise PhotoError(f"damaged: {_decoder_reason(error)}") from error


def _decoder_reason(error: Exception) -> str:
    text = _first_clause(error)
    if isinstance(error, EOFError) or "truncated" in text.lower():
        return "the file ends too early"
    if isinstance(error, OSError | SyntaxError):  # Pillow's own words
        return text or "cannot be decoded"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _first_clause(error: Exception) -> str:
    """The start of an exception's text; on one line, and printable even where a hostile file is quoted in it."""
    line = (str(error).splitlines() or [""])[0].split(", could be")[0]
    return "".join(c if c.isprintable() else "?" for c in line)[:120]
