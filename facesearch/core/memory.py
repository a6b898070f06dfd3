"""How much memory there is for photos."""

from contextlib import suppress
from pathlib import Path

from facesearch.core.errors import PhotoError

__all__ = ["LARGE_BYTES", "MEMORY_INFO", "MEMORY_LIMIT", "check_memory", "free_memory", "gigabytes", "photo_budget"]

MEMORY_INFO, MEMORY_LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")
# Where neither the system nor a container says.
UNKNOWN = 4 << 30
# A photo that takes more while it is decoded is large: there is one such photo at a time.
LARGE_BYTES = 256 << 20
# Without --memory: shares of what is free that photos may take together, and one photo at most.
ALL_PHOTOS, ONE_PHOTO = 0.25, 0.75


def free_memory(info: Path = MEMORY_INFO, limit: Path = MEMORY_LIMIT) -> int | None:
    """What processes may still take, by the system and by the limit of a container; None where none says."""
    known = []
    with suppress(OSError, KeyError, ValueError):
        known.append(_numbers(info, ":")["MemAvailable"] << 10)
    with suppress(OSError, ValueError):  # "max" where there is no limit
        known.append(int(limit.read_text()) - _used(limit.parent))
    return max(min(known), 0) if known else None


def _used(group: Path) -> int:
    """What a container has taken, but for files that are kept in memory as long as nothing else needs it."""
    with suppress(OSError, KeyError, ValueError):
        return int((group / "memory.current").read_text()) - _numbers(group / "memory.stat")["inactive_file"]
    return 0


def _numbers(file: Path, after_key: str | None = None) -> dict[str, int]:
    lines = (line.split(after_key, 1) for line in file.read_text().splitlines())
    return {key: int(value.split()[0]) for key, value in lines}


def photo_budget(given: int | None) -> int:
    """Bytes that photos may take together. Args: given: by --memory; None for a quarter of what is free."""
    return given if given is not None else int((free_memory() or UNKNOWN) * ALL_PHOTOS)


def check_memory(megapixels: float, needed: int, given: int | None) -> None:
    """Raises PhotoError for a photo that needs more memory than may be given to one, or than there is.

    Args:
        needed: bytes at the peak of decoding it. given: as of `photo_budget`.
    """
    if given is not None:
        if needed > given:
            raise PhotoError(_too_large(megapixels, needed) + f", more than {gigabytes(given)} (--memory)")
        return
    if needed <= LARGE_BYTES:  # what is free is asked for no ordinary photo
        return
    if (free := free_memory()) is not None and needed > free * ONE_PHOTO:
        raise PhotoError(_too_large(megapixels, needed) + f", and {gigabytes(free)} are free")


def gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.0f} MB"


def _too_large(megapixels: float, needed: int) -> str:
    return f"{megapixels:,.0f} megapixels of this format need {gigabytes(needed)} of memory"
