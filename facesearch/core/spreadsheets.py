"""Text in CSV files: spreadsheets run some of it as formulas, and names may come from strangers' photos."""

__all__ = ["escaped", "unescaped"]

# What makes a cell a formula, as its first character (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escaped(cell: str) -> str:
    """A text with an apostrophe before what a spreadsheet would run as a formula, or before such an apostrophe."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def unescaped(cell: str) -> str:
    """A text as it was before `escaped`."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
