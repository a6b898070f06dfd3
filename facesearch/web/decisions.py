"""Every decision about people and faces, undo, and the history."""

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
from facesearch.web.asking import is_reference, question_of, reference_of, typed
from facesearch.web.recent import Message, Question
from facesearch.web.site import (
    back,
    number,
    page,
    redirect,
    site_of,
    with_library,
)

__all__ = ["decide", "history"]

SHOWN = 200
# All faces of a person, and what else a form sends.
FIELDS = 20_000


@dataclass(frozen=True)
class Form:
    """What a form sends. clusters: references; to: a name as typed, or a reference; then: the page to go to.

    others: faces that are not whose the `faces` are. photos, named: of whom all are meant who are on fewer photos.
    new: the name is another person's than those who have it.
    shown: the name that the page showed for the cluster, empty for none; not given by forms that do not depend on it.
    """

    clusters: list[str]
    faces: list[int]
    others: list[int]
    photos: int
    named: bool
    to: str
    decision: int | None
    then: str
    shown: str | None
    new: bool

    @classmethod
    def of(cls, form: FormData) -> "Form":
        """Raises InputError."""
        decision = _text(form, "decision")
        return cls(
            # `group` is what scripts of before send
            clusters=[reference_of(str(cluster)) for name in ("cluster", "group") for cluster in form.getlist(name)],
            faces=[number(str(face)) for face in form.getlist("face")],
            others=[number(str(face)) for face in form.getlist("other")],
            photos=number(_text(form, "photos") or "0"),
            named=_text(form, "named") == "1",
            to=_text(form, "to"),
            decision=number(decision) if decision else None,
            then=_text(form, "then") or "/",
            shown=_text(form, "shown") if "shown" in form else None,
            new=_text(form, "new") == "1",
        )

    @property
    def cluster(self) -> str:
        """Raises InputError."""
        if not self.clusters:
            raise InputError("no cluster was chosen")
        return self.clusters[0]

    @property
    def person(self) -> str:
        """Raises InputError."""
        if not self.to:
            raise InputError("no name was given: type who it is")
        return self.to

    @property
    def whom(self) -> str:
        """The person of the name that was typed. Raises InputError."""
        return typed(self.person)

    @property
    def face(self) -> int:
        """Raises InputError."""
        if len(self.faces) != 1:
            raise InputError(f"one face is wanted here, not {len(self.faces)}: select just one")
        return self.faces[0]


def _name(library: Library, form: Form) -> Decision | None:
    """A name that is typed, or a person who is chosen from the list."""
    if is_reference(form.person):
        return library.people.merge([form.person, *form.clusters])
    return library.people.name(form.clusters, form.person)


# What a form does, by the last part of its address.
DECISIONS: dict[str, Callable[[Library, Form], Decision | None]] = {
    "name": _name,
    "merge": lambda library, form: library.people.merge([*form.clusters, *([form.whom] if form.to else [])]),
    "divide": lambda library, form: library.people.divide(form.cluster),
    "split": lambda library, form: library.people.split(form.cluster, [form.faces]),
    "reject": lambda library, form: library.people.reject(form.faces, form.cluster),
    "confirm": lambda library, form: library.people.assign(form.faces, form.cluster),
    "assign": lambda library, form: library.people.assign(
        form.faces, form.person if form.new else form.whom, new=form.new
    ),
    "not-a-face": lambda library, form: library.people.not_a_face(form.faces),
    "no-faces": lambda library, form: library.people.not_a_face(of=form.clusters),
    "is-a-face": lambda library, form: library.people.is_a_face(form.faces),
    "born": lambda library, form: library.people.describe(form.cluster, born=form.to),
    "cover": lambda library, form: library.people.describe(form.cluster, cover=form.face),
    "best-cover": lambda library, form: library.people.describe(form.cluster, cover=0),
    "ignore": lambda library, form: library.people.ignore(form.clusters),
    "ignore-faces": lambda library, form: library.people.ignore_faces(form.faces),
    "ignore-few": lambda library, form: library.people.ignore_below(form.photos, named=form.named),
    "show": lambda library, form: library.people.ignore(form.clusters, False),
    "choose": lambda library, form: library.people.choose(form.cluster, form.faces, form.others),
    "apart": lambda library, form: library.people.keep_apart(form.cluster, form.whom),
}


async def decide(request: Request) -> Response:
    what = request.path_params["what"]
    if what != "undo" and what not in DECISIONS:
        raise HTTPException(404)
    async with request.form(max_files=0, max_fields=FIELDS) as form:
        return await run_in_threadpool(_undo if what == "undo" else _decide, request, form)


def _decide(request: Request, form: FormData) -> Response:
    then = _text(form, "then") or "/"
    try:
        given, library = Form.of(form), site_of(request).library.get()
        _require_as_shown(library, given)
        if question := _question(library, request.path_params["what"], given):
            return redirect(request, Message(question.text, "ask", name_first=True, question=question), then)
        decision = DECISIONS[request.path_params["what"]](library, given)
    except FacesearchError as error:
        return back(request, error, then)
    if decision is None:
        return redirect(request, Message("that is how it was already; nothing has changed", "plain"), then)
    return redirect(request, Message(decision.summary, "done", decision.id, decision.name_first), then)


def _question(library: Library, what: str, form: Form) -> Question | None:
    if form.new or (form.shown and form.shown == form.to):
        return None
    return question_of(library, what, form.clusters, form.faces, form.to)


def _require_as_shown(library: Library, form: Form) -> None:
    """Raises InputError where somebody else has named the person since the page was shown."""
    if form.shown is None:
        return
    who = library.browse.cluster(form.cluster)
    if (now := (who.person and who.person.name) or "") != form.shown:
        what = f"been named {now}" if now else "lost its name"
        raise InputError(f"nothing has been changed: cluster {who.id} has {what} meanwhile")


def _undo(request: Request, form: FormData) -> Response:
    then = _text(form, "then") or "/"
    try:
        undone = site_of(request).library.get().people.undo(Form.of(form).decision)
    except FacesearchError as error:
        return back(request, error, then)
    text = f"undone: {undone.summary}" if undone else "there is nothing to undo"
    return redirect(request, Message(text, "plain"), then)


@with_library
def history(request: Request, library: Library) -> Response:
    decisions = library.people.history(SHOWN + 1)
    return page(request, "history.html", decisions=decisions[:SHOWN], more=len(decisions) > SHOWN)


def _text(form: FormData, name: str) -> str:
    return str(form.get(name) or "").strip()
