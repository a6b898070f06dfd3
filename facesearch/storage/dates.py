"""When photos were taken: how the database keeps it.

`taken_at` is what the clock of the place showed, as if that were UTC: photos of one day are of one day wherever they
are looked at, and most cameras do not say more. `taken_offset_s` is that clock's offset, where the photo tells it.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone

from sqlalchemy import Connection, select, update

from facesearch.storage import schema as db

__all__ = ["as_datetime", "date_photo", "dated", "days", "in_year", "undated"]


# Of a file's time; what clocks that were never set say is no date, and such photos come last, at 1970.
_LATEST_NS = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 10**9


def dated(taken: datetime | None, mtime_ns: int) -> dict[str, object]:
    """The columns of a photo's date. Args: taken: as the photo tells it; None for its file's time."""
    moment = taken or datetime.fromtimestamp(mtime_ns / 1e9 if 0 <= mtime_ns < _LATEST_NS else 0.0)
    offset = moment.utcoffset()
    return {
        "taken_at": moment.replace(tzinfo=UTC).timestamp(),
        "taken_offset_s": None if offset is None else int(offset.total_seconds()),
        "dated_by": "file" if taken is None else "exif",
    }


def as_datetime(taken_at: float, offset_s: int | None) -> datetime:
    """What the clock of the place showed: with its offset, or naive where that is not known."""
    moment = datetime(1970, 1, 1) + timedelta(seconds=taken_at)
    return moment if offset_s is None else moment.replace(tzinfo=timezone(timedelta(seconds=offset_s)))


def in_year(year: int) -> tuple[float, float]:
    """`taken_at` of a year: from the first on, and before the second."""
    first, end = (datetime(one, 1, 1, tzinfo=UTC).timestamp() for one in (year, year + 1))
    return first, end


def days(connection: Connection) -> dict[int, date]:
    """Photo -> the day on which it was taken, by the clock of the place; of those that tell it themselves."""
    query = select(db.photos.c.id, db.photos.c.taken_at).where(db.photos.c.dated_by == "exif")
    return {photo: as_datetime(taken_at, None).date() for photo, taken_at in connection.execute(query)}


def undated(connection: Connection) -> set[int]:
    """The photos whose EXIF has not been read for their date yet."""
    return set(connection.execute(select(db.photos.c.id).where(db.photos.c.dated_by.is_(None))).scalars())


def date_photo(connection: Connection, dates: Mapping[int, dict[str, object]]) -> None:
    """Args: dates: photo id -> its columns, as `dated` makes them."""
    for photo, values in dates.items():
        connection.execute(update(db.photos).where(db.photos.c.id == photo).values(values))
