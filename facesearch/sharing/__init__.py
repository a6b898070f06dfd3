"""What leaves a library: folders, tables, sidecars, reports, contact sheets; and names from other programs.

May import library and everything below it.
"""

__all__: list[str] = []
