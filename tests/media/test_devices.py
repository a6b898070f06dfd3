"""Which device a folder lies on, and when two answers mean the same one."""

import json
import os
from pathlib import Path

import pytest

from facesearch.media import devices
from facesearch.media.devices import device_of, same_device

linux = pytest.mark.skipif(not Path("/proc/self/mountinfo").exists(), reason="only Linux tells its mounts")


def test_a_folder_is_known_again(tmp_path: Path) -> None:
    device = device_of(str(tmp_path))
    assert device is not None
    assert json.loads(device)["dev"] == tmp_path.stat().st_dev
    assert same_device(device, str(device_of(str(tmp_path))))


def test_what_is_no_folder_has_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    for name in ("none", "none/below", "file", "file/below", "broken"):
        assert device_of(str(tmp_path / name)) is None


def test_a_link_to_a_folder_lies_where_that_does(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    assert device_of(str(tmp_path / "link")) == device_of(str(tmp_path / "folder"))


@linux
def test_names_that_are_odd(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"a b\\\n\xff")
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert json.loads(str(device_of(str(folder))))["inner"].endswith(os.fsdecode(b"a b\\\n\xff"))


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ({}, {"dev": 1}, True),  # nobody had asked then
        ({"dev": 1}, {"dev": 1}, True),
        ({"dev": 1}, {"dev": 2}, False),
        ({"dev": 1, "uuid": "A"}, {"dev": 2, "uuid": "A"}, True),  # after a restart
        ({"dev": 1, "uuid": "A"}, {"dev": 1, "uuid": "B"}, False),  # another disk in the same port
        ({"dev": 1, "fsid": 5}, {"dev": 2, "fsid": 5}, True),
        ({"dev": 1, "fsid": 5, "uuid": "A"}, {"dev": 1, "fsid": 5}, True),  # a container without /dev/disk
        ({"dev": 1, "share": "nfs a:/b"}, {"dev": 2, "share": "nfs a:/b"}, True),
        ({"dev": 1, "share": "nfs a:/b"}, {"dev": 1, "share": "nfs a:/c"}, False),
        ({"dev": 1, "inner": "/@photos"}, {"dev": 1, "inner": "/@/mnt/photos"}, False),  # a subvolume, a bind mount
        ({"dev": 1, "uuid": "A", "inner": "/p"}, {"dev": 1, "uuid": "A", "inner": "/p"}, True),
    ],
)
def test_the_rule(before: dict[str, object], now: dict[str, object], same: bool) -> None:
    assert same_device(json.dumps(before) if before else "", json.dumps(now)) == same


TABLE = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
30 27 8:17 /@photos /mnt/my\040disk rw,relatime shared:7 - btrfs /dev/sdb1 rw,subvol=/@photos
31 27 0:55 / /mnt/nas rw - nfs4 server:/export/photos rw,vers=4.2
32 27 0:56 / /mnt/none rw - tmpfs  rw
"""


def test_mounts_are_read() -> None:
    mounts = devices._mounts(TABLE)
    assert mounts["30"] == (os.makedev(8, 17), "/@photos", "/mnt/my disk", "btrfs", "/dev/sdb1")
    inner = devices._of_mount(mounts["30"], "/mnt/my disk/2019")
    assert inner["inner"] == "/@photos/2019"
    assert "share" not in inner
    assert devices._of_mount(mounts["31"], "/mnt/nas") == {"inner": "/", "share": "nfs4 server:/export/photos"}
