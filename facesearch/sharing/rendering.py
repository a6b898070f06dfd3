"""Templates, and what they can say. It needs no server: `facesearch report` renders with it, too."""

from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from facesearch.core import wording

__all__ = ["environment", "render"]


@cache
def environment() -> Environment:
    """Everything that is put into a page is escaped; what a template expects and does not get is an error."""
    made = Environment(
        loader=PackageLoader("facesearch.web"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "day": wording.day,
        "likeness": wording.likeness,
        "percent": wording.percent,
        "plural": wording.plural,
        "sentence": wording.sentence,
        "span": wording.span,
        "moment": moment,
        "printable": printable,
    }
    return made


def moment(seconds: float) -> str:
    """A time since the epoch, by this machine's clock."""
    when = datetime.fromtimestamp(seconds)
    return f"{wording.day(when)}, {when:%H:%M}"


def printable(text: str) -> str:
    """File names may hold anything: what no page can show is shown as such."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def render(template: str, **values: Any) -> str:
    """The page; bytes of file names that are no text have become question marks, as UTF-8 cannot hold them."""
    return environment().get_template(template).render(values).encode("utf-8", "replace").decode()
