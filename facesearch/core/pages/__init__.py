"""What the pages of `web` and the reports of `sharing` have in common: frame, style, and what templates can say.

May import core.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from facesearch.core import wording
from facesearch.core.types import Cluster, Face

__all__ = ["Templates", "name"]


class Templates:
    """Templates of some packages, looked for in that order, and the files that pages made of them load.

    They are read when they are first needed.
    """

    def __init__(self, *packages: str) -> None:
        self.packages = packages

    @cached_property
    def static(self) -> dict[str, bytes]:
        """What is below `static` in the packages, by path: stylesheets, scripts, icons."""
        found = dict[str, bytes]()
        for package in reversed(self.packages):
            found |= {path: one.read_bytes() for path, one in _below(files(package) / "static")}
        return found

    @cached_property
    def static_version(self) -> str:
        """Another one whenever one of these files has changed."""
        hashed = hashlib.sha256()
        for path, content in sorted(self.static.items()):
            hashed.update(f"{path}\0{len(content)}\0".encode() + content)
        return hashed.hexdigest()[:12]

    @cached_property
    def _environment(self) -> Environment:
        return _environment(self.packages)

    def render(self, template: str, **values: Any) -> str:
        """A page; bytes of file names that are no text have become question marks, as UTF-8 cannot hold them."""
        return self._environment.get_template(template).render(values).encode("utf-8", "replace").decode()


def _below(folder: Traversable, path: str = "") -> Iterator[tuple[str, Traversable]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _below(one, f"{path}{one.name}/")
        else:
            yield f"{path}{one.name}", one


def _environment(packages: Sequence[str]) -> Environment:
    """Everything that is put into a page is escaped; what a template expects and does not get is an error."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": wording.age,
        "answered": wording.answered,
        "day": wording.day,
        "likeness": wording.likeness,
        "matched": wording.matched,
        "percent": wording.percent,
        "plural": wording.plural,
        "sentence": wording.sentence,
        "skipped": wording.skipped,
        "span": wording.span,
        "why_skipped": wording.why_skipped,
        "moment": moment,
        "name": name,
        "printable": printable,
    }
    return made


def moment(seconds: float) -> str:
    """A time since the epoch, by this machine's clock."""
    when = datetime.fromtimestamp(seconds)
    return f"{wording.day(when)}, {when:%H:%M}"


def name(one: Cluster | Face, otherwise: str = "") -> str:
    """The name of a cluster's or a face's person, or something else where it has none."""
    return one.person.name if one.person and one.person.name else otherwise


def printable(text: str) -> str:
    """File names may hold anything: what no page can show is shown as such."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
