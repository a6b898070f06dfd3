"""XMP sidecars: names and face regions beside the photos, or in a folder of their own. Originals are never written."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from facesearch.core.arguments import Strings
from facesearch.core.checks import checked
from facesearch.core.errors import FacesearchError, InputError, PhotoError
from facesearch.core.names import folded
from facesearch.core.paths import under
from facesearch.core.types import Cluster
from facesearch.library import Library
from facesearch.sharing.selection import FileStates, Skipped, checked_unwritten, chosen, faces_of, paths_of_photos
from facesearch.sharing.xmp import Region, read_frame, sidecar_path, write_sidecar
from facesearch.sharing.xmp.packets import Naming
from facesearch.storage.values import damaged

__all__ = ["export_sidecars"]


@checked
def export_sidecars(
    library: Library,
    folder: str | os.PathLike[str] | None = None,
    only: Strings = (),
    *,
    naming: Naming = "appended",
) -> tuple[int, Skipped]:
    """An XMP sidecar for every file that shows a person with a name: names and face regions.

    Where all are wanted, names of ours that are no longer right are taken out of sidecars that are there.

    Args:
        folder: keep them apart from the photos, in folders as below the indexed ones; None for beside them.
        only: only photos that show one of these clusters or people, with the names of all who are on them.
        naming: "appended" for IMG.jpg.xmp, "replaced" for IMG.xmp.

    Returns the number of sidecars that were written, and the photos for which that was not possible (path, reason).
    Raises InputError where one of them is not there.
    """
    clusters, paths = chosen(library, only), paths_of_photos(library)
    regions, gone = _regions(library, clusters, paths)
    wanted = sorted((path, regions[photo]) for photo in regions for path in paths[photo])
    if clusters is None:
        wanted += sorted((path, []) for photo in paths.keys() - regions.keys() for path in paths[photo])
    written, skipped = _write(library, wanted, Path(folder) if folder is not None else None, naming)
    return written, sorted([(path, "no longer there") for path in gone] + skipped)


def _regions(
    library: Library, clusters: Sequence[Cluster] | None, present: Mapping[int, object]
) -> tuple[dict[int, list[Region]], set[str]]:
    """Photo id -> regions with names, from left to right; and the files of photos that are not there any more.

    Args:
        clusters: only photos that show one of these; None for all. present: the photos of which a file is there.
    """
    shown = None if clusters is None else {face.photo_id for _, face in faces_of(library, clusters)}
    named = [one for one in library.people.with_faces() if one.person and one.person.name and not one.ignored]
    regions: dict[int, list[Region]] = {}
    gone: set[str] = set()
    for cluster, face in faces_of(library, named):
        if shown is not None and face.photo_id not in shown:
            continue
        if face.photo_id in present:
            regions.setdefault(face.photo_id, []).append(Region(cluster.title, face.box))
        else:
            gone.add(face.path)
    return {photo: sorted(found, key=lambda region: region.box or ()) for photo, found in regions.items()}, gone


def _write(
    library: Library, wanted: Sequence[tuple[str, Sequence[Region]]], folder: Path | None, naming: Naming
) -> tuple[int, Skipped]:
    """The number of sidecars written; two photos with one sidecar: the first has it."""
    written, roots, states = 0, library.store.roots(), FileStates(library)
    skipped, unwritten = list[tuple[str, str]](), list[tuple[str, str]]()
    owners: dict[Path, str] = {}
    alike: dict[str, Path] = {}
    for path, regions in wanted:
        target = sidecar_path(path, naming, folder and _mirrored(path, folder, roots))
        first = alike.setdefault(folded(str(target)), target)
        owner = owners.setdefault(first if _same(first, target) else target, path)
        if owner != path and regions:
            skipped.append((path, f"{owner} has the same sidecar, {target}"))
        elif owner == path and (regions or target.exists()):
            try:
                frame = read_frame(path)
                if reason := states.why_not(path):
                    raise PhotoError(reason)
                written += write_sidecar(target, regions, frame, path)
            except InputError as error:
                unwritten.append((path, str(error)))
            except FacesearchError as error:
                skipped.append((path, str(error)))
    return written, skipped + checked_unwritten(written, unwritten)


def _same(a: Path, b: Path) -> bool:
    """Whether two names are one file's, as where case is folded."""
    try:
        return a == b or a.samefile(b)
    except OSError:  # neither is there yet
        return False


def _mirrored(path: str, folder: Path, roots: Sequence[str]) -> Path:
    """The folder in which a photo's sidecar belongs if they are kept apart."""
    if not os.path.isabs(path):
        raise damaged("a photo's path", path)
    parent = os.path.dirname(path)
    above = max((root for root in roots if under(parent, root)), key=len, default=parent)
    return folder / os.path.relpath(parent, above)
