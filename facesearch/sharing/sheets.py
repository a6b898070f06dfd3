"""Contact sheets: clusters of faces as one picture, a row each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from facesearch.core.errors import PhotoError
from facesearch.core.settings import ANY_SIZE
from facesearch.core.types import Box
from facesearch.media import open_photo
from facesearch.people.thumbnails import square, square_scale

__all__ = ["Row", "contact_sheet", "face_tile"]

TILE_PX, GAP_PX, TITLE_PX = 112, 6, 190
PAPER, INK, FADED = (250, 250, 248), (30, 30, 30), (120, 120, 120)


@dataclass(frozen=True)
class Row:
    """A person's row: two lines of text, and faces as (path, box in pixels of the photo as displayed)."""

    title: str
    subtitle: str
    faces: Sequence[tuple[str, Box]]


def contact_sheet(rows: Sequence[Row], per_row: int = 10, why_not: Callable[[str], str] = lambda _: "") -> Image.Image:
    """Draw rows of faces.

    Args:
        why_not: tells of a file that was read why its box belongs to something else, see `FileStates`; "" where not.
        per_row: faces shown of each row, spread evenly over all of them.

    Returns:
        An RGB picture; a photo that cannot be read any more leaves a grey tile.
    """
    columns = min(per_row, max((len(row.faces) for row in rows), default=1))
    step = TILE_PX + GAP_PX
    sheet = Image.new("RGB", (TITLE_PX + columns * step + GAP_PX, max(len(rows), 1) * step + GAP_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        top = GAP_PX + number * step
        draw.text((12, top + TILE_PX / 2 - 22), _fitted(draw, row.title, 17), INK, _font(17))
        draw.text((12, top + TILE_PX / 2 + 3), _fitted(draw, row.subtitle, 13), FADED, _font(13))
        for column, (path, box) in enumerate(_spread(row.faces, columns)):
            sheet.paste(face_tile(path, box, TILE_PX, why_not), (TITLE_PX + column * step, top))
    return sheet


def face_tile(path: str, box: Box, side: int, why_not: Callable[[str], str] = lambda _: "") -> Image.Image:
    """The square around a face, (side, side) RGB; grey where the photo cannot be read."""
    try:
        decoded = open_photo(path, ANY_SIZE).decode(square_scale(box, side))
        if reason := why_not(path):
            raise PhotoError(reason)
    except PhotoError:
        return Image.new("RGB", (side, side), (205, 205, 205))
    return square(decoded, box, side)


def _spread(faces: Sequence[tuple[str, Box]], count: int) -> list[tuple[str, Box]]:
    """So many of the faces, from first to last at even steps."""
    if len(faces) <= count:
        return list(faces)
    return [faces[i * len(faces) // count] for i in range(count)]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _fitted(draw: ImageDraw.ImageDraw, text: str, size: int) -> str:
    """The text, or as much of it as its column holds."""
    if draw.textlength(text, font=_font(size)) <= TITLE_PX - 18:
        return text
    while text and draw.textlength(text + "…", font=_font(size)) > TITLE_PX - 18:
        text = text[:-1]
    return text + "…"
