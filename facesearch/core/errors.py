"""Every error that facesearch raises on purpose.

    FacesearchError
    ├── InputError              an argument, option or setting that cannot be meant
    │   └── TooManyPairsError   a distance within which there are more pairs of faces than fit into the memory
    ├── PhotoError              a photo that cannot be read
    ├── NoFaceError             a picture in which no face was found
    ├── ModelError              a model that cannot be used
    │   ├── WeightsError        its weights are missing, damaged or not the published ones
    │   └── ModelMismatchError  the library was made with another model
    ├── WorkerError             a worker process that has ended before its work was done
    ├── ForkedError             a process that was forked from one that had used facesearch
    └── LibraryError            a library that cannot be used
        ├── LibraryMissingError there is none at that place
        ├── LibraryLockedError  another process is writing to it
        └── LibraryFormatError  it was written by another version, or is damaged

A message is one line: what is wrong, with which value, and what to do next.
"""

__all__ = [
    "FacesearchError",
    "ForkedError",
    "InputError",
    "LibraryError",
    "LibraryFormatError",
    "LibraryLockedError",
    "LibraryMissingError",
    "ModelError",
    "ModelMismatchError",
    "NoFaceError",
    "PhotoError",
    "TooManyPairsError",
    "WeightsError",
    "WorkerError",
]


class FacesearchError(Exception):
    """Base of all errors of this package; the command line prints it as one line and exits with 2."""


class InputError(FacesearchError):
    """An argument, option or setting that cannot be meant."""


class TooManyPairsError(InputError):
    """A distance within which there are more pairs of faces than fit into the memory."""


class PhotoError(FacesearchError):
    """A photo that cannot be read; the message is the reason, without the path."""


class NoFaceError(FacesearchError):
    """A picture in which no face was found."""


class ModelError(FacesearchError):
    """A model that cannot be used."""


class WeightsError(ModelError):
    """Weights that are missing, damaged or not the published ones."""


class ModelMismatchError(ModelError):
    """The library was made with another model."""


class WorkerError(FacesearchError):
    """A worker process that has ended before its work was done."""


class ForkedError(FacesearchError):
    """A process that was forked from one that had used facesearch."""


class LibraryError(FacesearchError):
    """A library that cannot be used."""


class LibraryMissingError(LibraryError):
    """There is no library at that place."""


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""


class LibraryFormatError(LibraryError):
    """The library was written by another version of facesearch, or is damaged."""
