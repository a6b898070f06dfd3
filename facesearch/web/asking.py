"""Whom pages and their users mean; a name that somebody has already is asked about: the same person, or another one.

A number that a page writes is a cluster's. What a user types is a name, also if it is a number.
"""

from collections.abc import Sequence

from facesearch.core.types import Cluster
from facesearch.core.wording import plural
from facesearch.library import Library
from facesearch.web.recent import Option, Question

__all__ = ["is_reference", "question_of", "reference_of", "typed"]

# What is asked about; the only one of a name is simply given faces, or merged with.
ASKED = ("name", "merge", "assign")


def question_of(library: Library, what: str, clusters: Sequence[str], faces: Sequence[int], to: str) -> Question | None:
    """What must be asked before a decision is taken; None where it is clear who is meant. Args: to: a name as typed."""
    if what not in ASKED or not to or is_reference(to):
        return None
    known = library.browse.namesakes(to, clusters)
    if not known or (what != "name" and len(library.browse.namesakes(to)) == 1):
        return None
    options = [_same(one, len(known) == 1, what, clusters, faces) for one in known]
    if what != "merge":
        new = (*_each("cluster", clusters), *_each("face", faces), ("to", to), ("new", "1"))
        options.append(Option(f"Another {to}", None, f"/decide/{what}", new))
    text = (
        f"{known[0].title} is there already: the same person?"
        if len(known) == 1
        else f"{len(known)} people are called {to}: which?"
    )
    return Question(text, tuple(options))


def is_reference(text: str) -> bool:
    """Whether it is a cluster that is meant, as a page writes it, and not a name that somebody has typed."""
    return text.startswith("cluster:")


def reference_of(cluster: str) -> str:
    """A cluster by what stands in an address or a form."""
    return f"cluster:{cluster}" if cluster.isascii() and cluster.isdigit() else cluster


def typed(name: str) -> str:
    """A person by the name that a user has typed, or chosen from the list."""
    return name if is_reference(name) else f"name:{name}"


def _same(known: Cluster, only: bool, what: str, clusters: Sequence[str], faces: Sequence[int]) -> Option:
    title = f"The same person ({plural(known.size, 'face')})" if only else plural(known.size, "face")
    cover = known.cover.id if known.cover else None
    if what == "assign":
        return Option(title, cover, "/decide/assign", (*_each("face", faces), ("to", known.reference)))
    return Option(title, cover, "/decide/merge", _each("cluster", (known.reference, *clusters)))


def _each(name: str, values: Sequence[object]) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for value in values)
