"""facesearch: find people in photos. Index folders, search by face, verify, cluster; all on this machine.

`Library` and `verify` are what programs need; they are imported when first used. May import library and core.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facesearch.core.errors import FacesearchError
    from facesearch.library import Library, verify

__all__ = ["FacesearchError", "Library", "__version__", "verify"]
__version__ = "0.1.0"

_HOMES = {"FacesearchError": "facesearch.core.errors", "Library": "facesearch.library", "verify": "facesearch.library"}


def __getattr__(name: str) -> Any:
    """Import on first use, so that `facesearch --help` does not wait for SQLAlchemy."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
