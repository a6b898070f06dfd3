"""Makes a folder of bad input: damaged, oversized and misnamed files, loops of links, and some good ones between."""

import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["make_bad_photos"]


def make_bad_photos(folder: Path) -> dict[str, str | None]:
    """Fill a folder, and say what must come of each photo in it.

    Returns:
        Path relative to the folder -> a part of the reason for which it fails, or None for those that are good.
        Relative paths of bytes that are not UTF-8 hold surrogates, as os.fsdecode makes them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return _damaged(folder) | _misnamed(folder) | _unusual_but_good(folder) | _permissions(folder) | _links(folder)


def _picture() -> Image.Image:
    """120 x 90 pixels of smooth noise, which no format compresses to nothing."""
    noise = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((120, 90), Image.Resampling.BICUBIC)


def _damaged(folder: Path) -> dict[str, str | None]:
    (folder / "empty.jpg").touch()
    _picture().save(folder / "whole.jpg")
    (folder / "truncated.jpg").write_bytes(_half(folder / "whole.jpg"))
    (folder / "header-only.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:30])
    _picture().save(folder / "whole.png")
    (folder / "truncated.png").write_bytes(_half(folder / "whole.png"))
    (folder / "bad-crc.png").write_bytes(_with_flipped_byte(folder / "whole.png", 8 + 8 + 13))  # the CRC of IHDR
    (folder / "huge.png").write_bytes(_one_bit_png(20_000, 20_000))
    (folder / "garbage.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(range(256)) * 4)
    return {
        "empty.jpg": "empty",
        "whole.jpg": None,
        "truncated.jpg": "ends too early",
        "header-only.jpg": "damaged",
        "whole.png": None,
        "truncated.png": "ends too early",
        "bad-crc.png": "damaged",
        "huge.png": "400 megapixels, more than the limit",
        "garbage.heic": "damaged",
    }


def _misnamed(folder: Path) -> dict[str, str | None]:
    (folder / "text.jpg").write_text("This is not a photo.\n")
    (folder / "notes.txt").write_text("Not even by its name.\n")
    (folder / "folder.jpg").mkdir(exist_ok=True)
    _picture().save(folder / "folder.jpg" / "inside.jpg")
    _picture().save(folder / "really-a-png.jpg", "PNG")
    return {"text.jpg": "not an image", "folder.jpg/inside.jpg": None, "really-a-png.jpg": None}


def _unusual_but_good(folder: Path) -> dict[str, str | None]:
    cluster = folder / "with spaces and \N{GRINNING FACE}"
    cluster.mkdir(exist_ok=True)
    _picture().save(cluster / "summer \N{PARTY POPPER}.jpg")
    _picture().save(folder / "animated.gif", save_all=True, append_images=[_picture().rotate(180)], duration=100)
    good = [f"{cluster.name}/summer \N{PARTY POPPER}.jpg", "animated.gif"]
    latin_1 = os.fsdecode(b"caf\xe9.jpg")
    try:
        _picture().save(folder / latin_1, "JPEG")
        good.append(latin_1)
    except OSError:  # file systems such as APFS take UTF-8 only
        pass
    return dict.fromkeys(good)


def _permissions(folder: Path) -> dict[str, str | None]:
    locked = folder / "locked.jpg"
    locked.unlink(missing_ok=True)
    _picture().save(locked)
    locked.chmod(0)
    return {"locked.jpg": None if os.access(locked, os.R_OK) else "permission denied"}  # root may read everything


def _links(folder: Path) -> dict[str, str | None]:
    links = {"loop": folder, "itself.jpg": folder / "itself.jpg", "broken.jpg": folder / "no-such-file.jpg"}
    for name, target in links.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)
    return {"itself.jpg": "link", "broken.jpg": "broken link"}


def _half(path: Path) -> bytes:
    whole = path.read_bytes()
    return whole[: len(whole) // 2]


def _with_flipped_byte(path: Path, at: int) -> bytes:
    whole = bytearray(path.read_bytes())
    whole[at] ^= 0xFF
    return bytes(whole)


def _one_bit_png(width: int, height: int) -> bytes:
    """A valid black PNG of any size, a thousandth of it in bytes (PNG 3, sections 5.2 and 11.2)."""
    row = bytes(1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


if __name__ == "__main__":
    for name, reason in make_bad_photos(Path(sys.argv[1])).items():
        print(f"{os.fsencode(name).decode(errors='replace')}: {reason or 'good'}")
