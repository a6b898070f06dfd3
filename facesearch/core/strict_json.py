"""JSON from files and databases that anybody may have damaged."""

import json
from typing import Any

__all__ = ["parse"]


def parse(text: str | bytes) -> Any:
    """As `json.loads`; also NaN, Infinity and what is nested without end are a ValueError."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")
