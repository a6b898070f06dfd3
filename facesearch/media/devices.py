"""Which device a folder lies on: what tells a photo that was deleted from a disk that is not mounted.

Without its disk, a mount point is an empty folder of the disk above it. `device_of` says by what the device of a folder
can be known again, as JSON of what the system tells: on Linux

- uuid: of the file system, as /dev/disk/by-uuid has it; stays the same in another port and after a restart,
- share: kind and name of a network share, "nfs server:/photos",
- inner: the folder's path inside its file system, which tells bind mounts and subvolumes of one file system apart,
- fsid: what `statvfs` calls it; made from the UUID by ext4 and btrfs, from the device's number by others,

and everywhere the device's number (dev), which a restart may change. Two are the same device if inner agrees, where
both have it, and so does the first of uuid, share, fsid and dev that both have. Where the number is all there is, the
same disk may pass for another after a restart: then its photos count as offline and are kept, never the other way
about.
"""

import json
import os
import re
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["device_of", "same_device"]

_UUIDS = "/dev/disk/by-uuid"


def _facts_in(known: str) -> dict[str, Any]:
    """Nothing where it is no answer of `device_of`."""
    try:
        facts = json.loads(known or "{}")
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


class _Mount(NamedTuple):
    """A line of mountinfo. root: what of the file system is mounted; device: its number, as st_dev has it."""

    device: int
    root: str
    point: str
    kind: str
    source: str


def device_of(folder: str) -> str | None:
    """What the device of a folder can be known by; None where there is no such folder, or it cannot be reached."""
    try:
        fd = os.open(folder, getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0))
    except OSError:
        return _without_opening(folder)
    try:
        facts: dict[str, object] = {"dev": os.fstat(fd).st_dev}
        if hasattr(os, "statvfs") and (fsid := os.statvfs(folder).f_fsid):
            facts["fsid"] = fsid
        if (mount := _mount_of(fd)) is not None:
            facts |= _of_mount(mount, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError:  # taken away meanwhile
        return None
    finally:
        os.close(fd)
    return json.dumps(facts, sort_keys=True)


def same_device(before: str, now: str) -> bool:
    """Whether two answers of `device_of` about one folder mean the same device; yes where nothing is known ("")."""
    a, b = map(_facts_in, (before, now))
    if "inner" in a and "inner" in b and a["inner"] != b["inner"]:
        return False
    fact = next((fact for fact in ("uuid", "share", "fsid", "dev") if fact in a and fact in b), None)
    return fact is None or bool(a[fact] == b[fact])


def _without_opening(folder: str) -> str | None:
    """Where folders cannot be opened, as on Windows, or this one may not be."""
    try:
        return json.dumps({"dev": os.stat(folder).st_dev}) if os.path.isdir(folder) else None
    except OSError:
        return None


def _mount_of(fd: int) -> _Mount | None:
    """The mount that an open folder lies on; None on other systems than Linux."""
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as file:
            number = next(line.split()[1] for line in file if line.startswith("mnt_id:"))
        with open("/proc/self/mountinfo", "rb") as table:
            return _mounts(table.read()).get(number)
    except (OSError, StopIteration, IndexError):
        return None


@lru_cache(maxsize=1)
def _mounts(table: bytes) -> dict[str, _Mount]:
    """Id -> mount, of the lines of mountinfo: id parent major:minor root point options … - kind source options."""
    found = {}
    for line in table.splitlines():
        fields, _, rest = line.partition(b" - ")
        number, _, device, root, point = fields.split()[:5]
        kind, source = (*rest.split()[:2], b"")[:2]
        major, _, minor = device.partition(b":")
        texts = (_unescaped(field) for field in (root, point, kind, source))
        found[number.decode()] = _Mount(os.makedev(int(major), int(minor)), *texts)
    return found


def _unescaped(field: bytes) -> str:
    """Blanks and backslashes are written as \\040 and \\134."""
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda code: bytes([int(code[1], 8)]), field))


def _of_mount(mount: _Mount, folder: str) -> dict[str, object]:
    facts: dict[str, object] = {}
    below = os.path.relpath(folder, mount.point)
    if not below.startswith(os.pardir):
        facts["inner"] = os.path.normpath(os.path.join(mount.root, below))
    if (uuid := _uuid(mount)) is not None:
        facts["uuid"] = uuid
    if ":" in mount.source or mount.source.startswith("//"):
        facts["share"] = f"{mount.kind} {mount.source}"
    return facts


def _uuid(mount: _Mount) -> str | None:
    try:
        known = _uuids(os.stat(_UUIDS).st_mtime_ns)
        if mount.device not in known and mount.source.startswith("/dev/"):  # btrfs has a number of its own
            return known.get(os.stat(mount.source).st_rdev)
        return known.get(mount.device)
    except OSError:
        return None


@lru_cache(maxsize=1)
def _uuids(_changed_ns: int) -> dict[int, str]:
    """Number of a device -> UUID of its file system. Args: _changed_ns: when a disk was last plugged in or out."""
    found = {}
    with os.scandir(_UUIDS) as entries:
        for entry in entries:
            try:
                found[entry.stat().st_rdev] = entry.name
            except OSError:  # gone meanwhile
                continue
    return found
