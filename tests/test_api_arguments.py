"""Every public call of `Library` and its parts, with everything that it cannot be given: one line says what is wrong.

No value that is wrong may end in Python's own errors, and none may be quoted whole.
"""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Picture
from fakes import FAKE_SPEC
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import facesearch
from facesearch.calibration import CALIBRATIONS, Calibration
from facesearch.core.checks import _check_of
from facesearch.core.errors import FacesearchError, InputError
from facesearch.evaluation import calibrate
from facesearch.library import Library
from facesearch.people import People
from facesearch.people.browsing import Browser
from facesearch.people.thumbnails import Thumbnails
from facesearch.pipeline.pipeline import Pipeline
from facesearch.searching.searcher import Searcher
from facesearch.sharing import export_folders, export_rows, export_sidecars, import_names
from facesearch.sharing.report import make_report
from facesearch.storage import Store

PARTS: dict[str, type] = {
    "people": People,
    "search": Searcher,
    "browse": Browser,
    "thumbnails": Thumbnails,
}
WRONG = [
    *(None, True, 0, 1, -1, 2**70, 1.5, -0.5, 5.0, float("nan"), float("inf"), 1j),
    *("", " ", "nobody", "0", "9" * 30, "\0", "\ud800", "x" * 100_000, "@", "\u202e"),
    *(b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), b"x" * 100_000),
    *([], [None], [1.5], ["nobody"], [2**70], [-1], [[1]], [b"x"], ["\ud800"], {}, {"a": 1}, set(), (1, 2, 3, 4)),
    *([(1, 2, 3)], [(5, 5, 1, 1)], [("a", "b", "c", "d")], [(float("nan"),) * 4]),
    *(object(), Ellipsis, Path("nowhere"), np.zeros(3), np.zeros((2, 4)), np.float32("nan"), np.int64(-3)),
]


def public(part: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, method in vars(part).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            yield name, method


CALLS = [(part, name) for part, made in PARTS.items() for name, _ in public(made)] + [
    ("", name) for name, _ in public(Library) if name not in ("close", "forget_all", "migrate", "plan_migration")
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """6 photos with a face each, all in one cluster; pipeline of FAKE_SPEC."""
    from fakes import FakeDetector, FakeNetwork

    from facesearch.embedding import NetworkEmbedder

    folder = tmp_path_factory.mktemp("api")
    Store.create(folder / "library", FAKE_SPEC).close()
    for number in range(6):
        Picture.save(folder / f"photos/{number}.png", str(number))
    with Library(folder / "library") as library:
        library.__dict__["pipeline"] = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())
        library.__dict__["calibration"] = Calibration.from_json((CALIBRATIONS / "dlib.json").read_text("utf-8"))
        library.index(folder / "photos")
        library.cluster(eps=2.0)
        yield library


def right(library: Library) -> dict[str, Any]:
    """A value for each parameter that has no default, by its name; nobody is forgotten, nothing taken out."""
    photo = library.folder.parent / "photos/0.png"
    whom = {"reference": "1", "references": ["1"], "other": "1", "name": "Anna", "to": "Anna", "text": "A"}
    what = {
        "parts": [[1]],
        "faces": [1],
        "face": 1,
        "photo": 1,
        "boxes": [(1.0, 1.0, 9.0, 9.0)],
        "photos": 1,
        "right": [1],
    }
    where = {"image": photo, "a": photo, "b": photo, "paths": photo, "calibration": library.calibration}
    return whom | what | where


def refused(call: Callable[[], object], about: object) -> None:
    """It may do what it can do with a value, or say in one short line why not."""
    try:
        call()
    except FacesearchError as error:
        text = str(error)
        assert text.strip(), about
        assert "\n" not in text, about
        assert len(text) < 400, (about, text[:400])


def chosen(library: Library, part: str, name: str) -> Callable[..., Any]:
    return getattr(getattr(library, part) if part else library, name)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("part", "name"), CALLS, ids=[".".join(call).lstrip(".") for call in CALLS])
def test_what_cannot_be_meant_is_told_in_one_line(library: Library, part: str, name: str) -> None:
    method = chosen(library, part, name)
    known = right(library) | ({"reference": "nobody"} if name == "forget" else {})
    known |= {"photo": library.folder.parent / "photos/0.png"} if name == "faces_in" else {}
    parameters = inspect.signature(method).parameters.values()
    needed = {one.name: known[one.name] for one in parameters if one.default is one.empty}
    for parameter in parameters:
        for value in WRONG:
            refused(
                lambda given=needed | {parameter.name: value}: method(**given), (name, parameter.name, str(value)[:40])
            )


@pytest.mark.parametrize(("part", "name"), CALLS, ids=[".".join(call).lstrip(".") for call in CALLS])
def test_every_parameter_is_checked(library: Library, part: str, name: str) -> None:
    """Also one that somebody adds: its annotation says how."""
    function = inspect.unwrap(chosen(library, part, name))
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            assert _check_of(parameter.annotation, function) is not None, parameter  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option", ["folder", "model", "device", "detection", "images", "search", "detector", "precision"]
)
def test_opening_a_library(library: Library, option: str) -> None:
    for value in WRONG:
        known = {"folder": library.folder} | {option: value, "create": False}
        refused(lambda given=known: Library(**given).close(), (option, str(value)[:40]))


@pytest.mark.parametrize("option", ["a", "b", "model", "device", "threshold", "precision"])
def test_verifying_without_a_library(option: str, tmp_path: Path, pipeline_at_hand: None) -> None:
    nowhere = str(tmp_path / "nowhere.jpg")
    for value in WRONG:
        refused(
            lambda given={"a": nowhere, "b": nowhere} | {option: value}: facesearch.verify(**given), str(value)[:40]
        )


@pytest.mark.parametrize("call", [export_folders, export_rows, export_sidecars, import_names, make_report, calibrate])
def test_what_takes_a_library(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., Any]
) -> None:
    """Where a value can be meant, a folder that can only be made below a file ends the call before any work."""
    monkeypatch.chdir(tmp_path)  # where some of these are folders
    (tmp_path / "file").touch()
    nowhere = {"library": library, "folder": tmp_path / "file/folder"}
    for name, parameter in inspect.signature(call).parameters.items():
        assert _check_of(parameter.annotation, inspect.unwrap(call)) is not None, name  # type: ignore[arg-type]
        for value in WRONG:
            given = {one: nowhere[one] for one in inspect.signature(call).parameters if one in nowhere}
            refused(lambda given=given | {name: value}: call(**given), (name, str(value)[:40]))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=3), some, max_size=2),
    max_leaves=5,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_anything_for_anything(library: Library, data: st.DataObject) -> None:
    """All parameters of a call at once."""
    part, name = data.draw(st.sampled_from([call for call in CALLS if call[1] not in ("forget", "remove_missing")]))
    method = chosen(library, part, name)
    sent = {one: data.draw(ANYTHING) for one in inspect.signature(method).parameters}
    refused(lambda: method(**sent), (name, sent))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda library: library.people.name(1, "Anna"), "reference: text is wanted, not int"),
        (lambda library: library.people.name("1", 5), "name: text is wanted, not int"),
        (lambda library: library.people.ignore("1", ignored="yes"), "ignored: True or False is wanted, not str"),
        (lambda library: library.people.explain("x"), "face: a whole number is wanted, not str"),
        (lambda library: library.people.history(-1), "limit: at least 1 is wanted, not -1"),
        (
            lambda library: library.verify("a", "b", threshold=5),
            "threshold: a distance between 0 and 2 is wanted, not 5",
        ),
        (lambda library: library.verify("a", "b", threshold=float("nan")), "threshold: a number is wanted, not nan"),
        (lambda library: library.cluster(eps=float("inf")), "eps: a number is wanted, not inf"),
        (lambda library: library.browse.people("everybody"), "show: one of all, named, unnamed, ignored is wanted"),
        (lambda library: library.index(b"photos"), "paths: a path is wanted, as text or pathlib.Path, not bytes"),
        (lambda library: library.index("photos", progress=5), "progress: a function is wanted, not int"),
        (lambda library: library.people.split("1", 5), "parts: lists of faces' numbers are wanted, not int"),
    ],
)
def test_what_is_said(library: Library, call: Callable[[Library], object], told: str) -> None:
    with pytest.raises(InputError) as caught:
        call(library)
    assert str(caught.value).startswith(told)


def test_numbers_of_numpy_are_numbers(library: Library) -> None:
    (face, *_), _ = library.store.embeddings()
    assert library.people.explain(np.int64(face), np.int32(2)).face.id == face
    assert len(library.query(library.folder.parent / "photos/0.png", np.int16(2)).faces[0].matches) == 2


def test_a_missing_or_unknown_argument_is_pythons_own_error(library: Library) -> None:
    with pytest.raises(TypeError, match=r"name\(\) missing 1 required positional argument: 'name'"):
        library.people.name("1")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="nam"):
        library.people.name("1", nam="Anna")  # type: ignore[call-arg]
