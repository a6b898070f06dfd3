"""What everything else stands on: types, settings, errors, distances, devices and the executor.

May import nothing else of facesearch.
"""

__all__: list[str] = []
