"""Names that other programs have put into the photos or beside them."""

from collections.abc import Sequence

from facesearch.core.checks import checked
from facesearch.core.names import folded
from facesearch.core.results import ImportedName
from facesearch.core.types import Face
from facesearch.library import Library
from facesearch.sharing.selection import FileStates, Skipped, paths_of_photos
from facesearch.sharing.xmp import Region, read_names
from facesearch.sharing.xmp.region import overlap
from facesearch.storage.constraints import decided_faces, rejected_names

__all__ = ["import_names"]

# A face and a region of another program are the same if their boxes overlap by this much of their union; others draw
# their boxes wider than MTCNN does.
SAME_REGION_IOU = 0.25


@checked
def import_names(library: Library) -> tuple[list[ImportedName], Skipped]:
    """Give the names that other programs have written to the clusters of those faces.

    A cluster whose faces have been given one name is called that; a face named differently from its cluster is taken
    out of it. What the user has decided here is left as it is: who a face is, who it is not, and that it is none. A
    face that is in the cluster of a person of that name already stays unconfirmed: it may be our own, exported earlier.

    Returns the names that were taken over, and what could not be read (path, reason).
    """
    with library.store.reading() as connection:
        decided, rejected = decided_faces(connection), rejected_names(connection)
    found, skipped = _named_faces(library, decided)
    news = _news(library, found, {face: {folded(name) for name in names} for face, names in rejected.items()})
    imported = []
    for name, faces in sorted(news.items()):
        decision = library.people.import_name(name, faces)
        if decision is not None:
            imported.append(ImportedName(name, len(faces), decision.summary))
    return imported, skipped


def _news(library: Library, found: dict[int, str], rejected: dict[int, set[str]]) -> dict[str, list[int]]:
    """Name, as it is spelt here -> the faces that are to get it: not theirs already, and not denied them."""
    people = [cluster for cluster in library.people.with_faces() if cluster.person]
    spelling = {folded(one.person.name): one.person.name for one in people if one.person and one.person.name}
    already = {face: folded(cluster.title) for cluster in people for face in cluster.face_ids}
    news: dict[str, list[int]] = {}
    for face, name in sorted(found.items()):
        key = folded(name)
        if already.get(face) != key and key not in rejected.get(face, ()):
            news.setdefault(spelling.setdefault(key, name), []).append(face)
    return news


def _named_faces(library: Library, decided: set[int]) -> tuple[dict[int, str], Skipped]:
    """Face -> the name that another program has given it, for those of which nothing is decided."""
    found: dict[int, str] = {}
    skipped: Skipped = []
    states = FileStates(library)
    for photo, paths in paths_of_photos(library).items():
        for path in sorted(paths):
            names = read_names(path)
            skipped += [(failure.path, failure.reason) for failure in names.failures]
            regions = [region for region in names.regions if region.name]
            skipped += [
                (path, f"the place of {region.name!r} does not fit the photo") for region in regions if region.misplaced
            ]
            if regions and (reason := states.why_not(path)):
                skipped.append((path, reason))
            elif regions:
                named = _names_on(library.store.faces_of_photos([photo])[photo], regions)
                found |= {face: name for face, name in named.items() if face not in decided and face not in found}
    return found, sorted(skipped)


def _names_on(faces: Sequence[Face], regions: Sequence[Region]) -> dict[int, str]:
    """The faces on which a region lies, the best fit first; a single name without a place is a single face's."""
    fits = sorted(
        (-fit, face.id, number)
        for number, region in enumerate(regions)
        for face in faces
        if region.box is not None and (fit := overlap(face.box, region.box)) >= SAME_REGION_IOU
    )
    names: dict[int, str] = {}
    used: set[int] = set()
    for _, face, number in fits:
        name = regions[number].name
        if name and face not in names and number not in used:
            names[face] = name
            used.add(number)
    if len(faces) == len(regions) == 1 and regions[0].box is None and not regions[0].misplaced and regions[0].name:
        names[faces[0].id] = regions[0].name
    return names
