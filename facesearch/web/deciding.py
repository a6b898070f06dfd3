"""Every decision about people and faces, and taking it back."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from facesearch.core.errors import FacesearchError, InputError
from facesearch.library import Library
from facesearch.storage.undo_log import Decision
from facesearch.web.notes import Note
from facesearch.web.site import (
    back,
    number,
    page,
    said,
    site_of,
    with_library,
)

__all__ = ["decide", "history"]

SHOWN = 200


@dataclass(frozen=True)
class Form:
    """What a form says. groups, to: references to people; then: the page to go to."""

    groups: list[str]
    faces: list[int]
    to: str
    decision: int | None
    then: str

    @classmethod
    def of(cls, form: FormData) -> "Form":
        """Raises InputError."""
        decision = _text(form, "decision")
        return cls(
            groups=[str(group) for group in form.getlist("group")],
            faces=[number(str(face)) for face in form.getlist("face")],
            to=_text(form, "to"),
            decision=number(decision) if decision else None,
            then=_text(form, "then") or "/",
        )

    @property
    def group(self) -> str:
        """Raises InputError."""
        if not self.groups:
            raise InputError("no group was chosen")
        return self.groups[0]

    @property
    def somebody(self) -> str:
        """Raises InputError."""
        if not self.to:
            raise InputError("no name was given: type who it is")
        return self.to


# What a form's last word in its address does.
DECISIONS: dict[str, Callable[[Library, Form], Decision | None]] = {
    "name": lambda library, form: library.people.name(form.group, form.somebody),
    "merge": lambda library, form: library.people.merge([*form.groups, *([form.to] if form.to else [])]),
    "divide": lambda library, form: library.people.divide(form.group),
    "split": lambda library, form: library.people.split(form.group, [form.faces]),
    "reject": lambda library, form: library.people.reject(form.faces, form.group),
    "confirm": lambda library, form: library.people.assign(form.faces, form.group),
    "assign": lambda library, form: library.people.assign(form.faces, form.somebody),
    "not-a-face": lambda library, form: library.people.not_a_face(form.faces),
    "is-a-face": lambda library, form: library.people.is_a_face(form.faces),
    "ignore": lambda library, form: library.people.ignore(form.group),
    "show": lambda library, form: library.people.ignore(form.group, False),
    "apart": lambda library, form: library.people.keep_apart(form.group, form.somebody),
}


async def decide(request: Request) -> Response:
    what = request.path_params["what"]
    if what != "undo" and what not in DECISIONS:
        raise HTTPException(404)
    async with request.form(max_files=0, max_fields=2000) as form:
        return await run_in_threadpool(_undo if what == "undo" else _decide, request, form)


def _decide(request: Request, form: FormData) -> Response:
    then = _text(form, "then") or "/"
    try:
        given, library = Form.of(form), site_of(request).shelf.get()
        decision = DECISIONS[request.path_params["what"]](library, given)
    except FacesearchError as error:
        return back(request, error, then)
    if decision is None:
        return said(request, Note("that is how it was already; nothing has changed", "plain"), then)
    return said(request, Note(decision.summary, "done", decision.id), then)


def _undo(request: Request, form: FormData) -> Response:
    then = _text(form, "then") or "/"
    try:
        undone = site_of(request).shelf.get().people.undo(Form.of(form).decision)
    except FacesearchError as error:
        return back(request, error, then)
    text = f"undone: {undone.summary}" if undone else "there is nothing to undo"
    return said(request, Note(text, "plain"), then)


@with_library
def history(request: Request, library: Library) -> Response:
    decisions = library.people.history(SHOWN + 1)
    return page(request, "history.html", decisions=decisions[:SHOWN], more=len(decisions) > SHOWN)


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()
