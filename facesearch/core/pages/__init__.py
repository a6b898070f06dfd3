"""What the pages of `web` and the reports of `sharing` have in common: frame, style, and what templates can say.

May import core.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from facesearch.core import wording
from facesearch.core.types import Cluster, Face

__all__ = ["Templates", "name"]


class Templates:
    """Templates of some packages, looked for in that order; they are read when the first page is made."""

    def __init__(self, *packages: str) -> None:
        self.packages = packages

    @cached_property
    def _environment(self) -> Environment:
        return _environment(self.packages)

    def render(self, template: str, **values: Any) -> str:
        """A page; bytes of file names that are no text have become question marks, as UTF-8 cannot hold them."""
        return self._environment.get_template(template).render(values).encode("utf-8", "replace").decode()


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
