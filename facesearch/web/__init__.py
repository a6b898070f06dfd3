"""`facesearch serve`: pages in a browser, for one person on one machine; parse, call the library, render.

May import sharing, library and everything below.
"""

__all__: list[str] = []
