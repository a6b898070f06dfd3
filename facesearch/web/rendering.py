"""The pages' templates: this package's own, and those that static reports have, too, in `facesearch.sharing`."""

from functools import cache
from typing import Any

from jinja2 import Environment

from facesearch.sharing import rendering

__all__ = ["PACKAGES", "render"]

# Where templates and static files are looked for, in this order.
PACKAGES = ("facesearch.web", "facesearch.sharing")


@cache
def _environment() -> Environment:
    return rendering.environment(*PACKAGES)


def render(template: str, **values: Any) -> str:
    """The page as text."""
    return rendering.rendered(_environment(), template, **values)
