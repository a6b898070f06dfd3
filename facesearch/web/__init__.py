"""`facesearch serve`: pages in a browser, for one person on one machine; parse, call the library, render.

May import library and everything below it.
"""

__all__: list[str] = []
