"""The templates of reports."""

from functools import cache
from typing import Any

from jinja2 import Environment

from facesearch.core import pages

__all__ = ["PACKAGES", "render"]

# Where templates and static files are looked for, in this order.
PACKAGES = ("facesearch.sharing", "facesearch.core.pages")


@cache
def _environment() -> Environment:
    return pages.environment(*PACKAGES)


def render(template: str, **values: Any) -> str:
    """A page of a report as text."""
    return pages.rendered(_environment(), template, **values)
