"""Keeping everybody who is on few photos out of lists: one decision, however many people it concerns."""

from facesearch.core.questions import Few
from facesearch.core.wording import plural
from facesearch.storage import Connection, cluster_pages, clusters
from facesearch.storage.undo_log import Decision, UndoLog

__all__ = ["few", "ignore_below"]


def few(connection: Connection, photos: int) -> Few:
    """How many people `ignore_below` would concern."""
    found = cluster_pages.below(connection, photos)
    named = sum(one.name is not None for one in found)
    return Few(photos, unnamed=len(found) - named, named=named)


def ignore_below(connection: Connection, photos: int, *, named: bool) -> Decision | None:
    """Ignore everybody who is on fewer photos than so many. Args: named: also people with a name."""
    found = [one for one in cluster_pages.below(connection, photos) if named or one.name is None]
    log = UndoLog(connection)
    for one in found:
        if one.person is not None:
            log.put("people", {"id": one.person}, {"ignored": True})
    nobodies = {one.cluster: log.new_person(None, ignored=True) for one in found if one.person is None}
    faces, numbers = clusters.columns(connection, sorted(nobodies))
    pairs = zip(faces.tolist(), numbers.tolist(), strict=True)
    log.put_all("confirmed", "face_id", [{"face_id": face, "person_id": nobodies[number]} for face, number in pairs])
    told = f"{plural(len(found), 'person')} on fewer than {plural(photos, 'photo')}"
    return log.close("ignore", f"{told} {'is' if len(found) == 1 else 'are'} ignored")
