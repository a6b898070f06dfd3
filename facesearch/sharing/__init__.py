"""What leaves the library for people and other programs: exports, sidecars, reports, sheets; and names from them.

May import library and everything below it.
"""

__all__: list[str] = []
