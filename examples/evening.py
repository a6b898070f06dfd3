"""An evening with photos: everybody is named, wrong faces are taken out, doubles are merged; by keyboard and mouse.

python examples/evening.py PHOTOS LABELS [--library FOLDER] [--out FIGURES.json] [--shots FOLDER]

LABELS is a CSV file with the columns photo and person: whom each photo is of. A made-up user who knows them sits before
a browser, and does on the pages what a person would do, with what can be seen. How it is counted is said in `hands.py`.

A library that FOLDER holds is copied and taken as it is; else the photos are indexed and clustered first, uncounted.
Needs Playwright (`pip install .[test]`) and a Chromium.
"""

import argparse
import csv
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hands import Hands
from screenshots import chromium, serving

from facesearch import Library
from facesearch.detection.main_face import main_face

__all__ = ["Evening", "Eyes", "main"]

FIRST = ("Anna", "Bruno", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas")
LAST = ("Abel", "Berger", "Costa", "Dahl", "Engel", "Fontaine", "Greco", "Horvat", "Iversen", "Jansen")
# After so many questions in a row whose answer was no, a person stops answering.
PATIENCE = 15
# Where it is said who the selected faces are.
WHO = "#choose input[name=to]"
FACE = re.compile(r"/pictures/face/(\d+)/")


class Eyes:
    """Whose each face is: what a person sees who knows everybody. Reads the library, changes nothing.

    The labels say whom a photo is of: of its main face. All that is known of its other faces is that they are not that
    person. Only main faces count for accuracy.
    """

    def __init__(self, library: Library, labels: dict[str, str]) -> None:
        self.library = library
        people = sorted(set(labels.values()))
        names = {who: f"{FIRST[i % 10]} {LAST[i // 10 % 10]}" for i, who in enumerate(people)}
        self.person: dict[int, str] = {}
        self.not_person: dict[int, str] = {}
        for photo in _every_photo(library):
            who = names.get(labels.get(Path(photo.paths[0]).name, ""))
            main = main_face(photo.faces, photo.size)
            if who is not None:
                for face in photo.faces:
                    (self.person if face is main else self.not_person)[face.id] = who
        self.names = set(self.person.values())

    def whose(self, faces: list[int]) -> str | None:
        """Whom most of some faces show; None for somebody of whom nothing is known."""
        (who, _), *_ = Counter(self.person.get(face) for face in faces).most_common(1) or [(None, 0)]
        return who

    def is_wrong(self, face: int, who: str) -> bool:
        """Whether a face is certainly not that person's."""
        return self.person.get(face, who) != who or self.not_person.get(face) == who

    def result(self) -> dict[str, Any]:
        """How good the library is: persons by name, and main faces that are where they should not be."""
        people = self.library.browse.people("named", limit=500).items
        of = {cluster.id: cluster.title for cluster in people}
        placed = {f.id: of[c] for c in of for f in self.library.browse.faces(str(c), limit=500).items}
        wrong = [face for face, who in placed.items() if self.is_wrong(face, who)]
        missing = [face for face in self.person if placed.get(face) is None]
        return {
            "people": len(self.names),
            "named": len(self.names & set(of.values())),
            "doubles": len(of) - len(set(of.values())),
            "faces": len(self.person),
            "right": sum(placed.get(face) == who for face, who in self.person.items()),
            "wrong": len(wrong),
            "missing": len(missing),
        }


def _every_photo(library: Library) -> Iterator[Any]:
    cursor = None
    while True:
        page = library.browse.photos(cursor=cursor, limit=500)
        yield from (library.browse.photo(photo.id).photo for photo in page.items)
        if (cursor := page.next) is None:
            return


class Evening:
    """The user. Each stage is one thing that people do; `figures` says what each has taken."""

    def __init__(self, hands: Hands, eyes: Eyes) -> None:
        self.hands, self.eyes, self.page = hands, eyes, hands.page
        self.figures: dict[str, dict[str, float]] = {}

    def play(self) -> None:
        for stage in (self.name, self.answer, self.ask, self.merge, self.take_out, self.place):
            with self.hands.counted(stage.__name__, self.figures):
                stage()
            print(stage.__name__, json.dumps(self.figures[stage.__name__]), file=sys.stderr, flush=True)

    # -- stages

    def name(self) -> None:
        """Go down the list of people, and type the name of everybody who is known."""
        self.hands.menu("People")
        known, seen = set[str](), set[str]()
        while (card := self._next_card(seen)) is not None:
            who = self.eyes.whose(_faces_on(card))
            if who is None or not (field := card.locator("input[name=to]")).count():
                continue
            self.hands.scroll_to(card)
            self.hands.type_into(field, who)
            self.hands.press("Enter")
            if who in known:
                self._same_person(who)
            known.add(who)
            self._check_named(card, who)

    def answer(self) -> None:
        """Answer whether two clusters are one person, until there are no doubles any more."""
        self.hands.menu("Review")
        no = 0
        while no < PATIENCE and (sides := self.page.locator(".pair .side")).count() == 2:
            self.hands.look()
            a, b = (self.eyes.whose(_faces_on(sides.nth(side))) for side in (0, 1))
            same = a == b and a is not None
            self.hands.press("y" if same else "s" if a is b is None else "n")
            no = 0 if same else no + 1

    def ask(self) -> None:
        """Answer who single faces are, where the page of questions has these, too."""
        link = self.page.get_by_role("navigation", name="What is asked").get_by_role("link", name="Faces")
        if not link.count():
            return
        self.hands.click(link)
        no, asked = 0, list[tuple[int, ...]]()
        while no < PATIENCE and (sides := self.page.locator(".pair .side")).count() == 2:
            self.hands.look()
            faces, others = _faces_on(sides.nth(0)), _faces_on(sides.nth(1))
            if (question := (*faces, *others)) in asked:
                self.hands.twice("a question was asked again")
                return
            asked.append(question)
            who = self.eyes.whose(others)
            no = 0 if self._say_who(faces, who) else no + 1

    def merge(self) -> None:
        """Clusters with one name that are left are selected and merged."""
        self._named()
        while double := self._double():
            for number in double:
                card = self.page.locator(f"#cluster-{number}")
                self.hands.scroll_to(card)
                self.hands.click(card.locator(".pick"))
            self.hands.click(self.page.get_by_role("button", name="They are one person"))
            self.hands.twice("a name was given, and the cluster had to be merged all the same")
            self._named()

    def take_out(self) -> None:
        """On each person's page, least certain first, the faces of others are given to those, or taken out."""
        self._named()
        first = self.page.locator(".cards .card").first
        self.hands.scroll_to(first)
        self.hands.click(first.locator(".tile"))
        self.hands.click(self.page.get_by_role("link", name="Least certain first"))
        while True:
            self._take_out_of(str(self.page.locator("h1").inner_text()).strip())
            if not self.page.locator("[data-turn] [rel=next][href]").count():
                return
            self.hands.press("j")

    def place(self) -> None:
        """Faces in no cluster are selected, those of one person at a time, and given to the person."""
        given = set[int]()
        if not self._open_loose():
            return
        while (mine := self._loose(given)) is not None:
            who, faces = mine
            self._select(faces)
            if not self.hands.can_reach(self.page.locator(WHO)):
                self.hands.twice("a message lay over the field for the name: faces had to be selected again")
                self._open_loose()
                self._select(faces)
            self._give(who)
            given |= set(faces)

    # -- what they are made of

    def _open_loose(self) -> bool:
        self.hands.menu("People")
        link = self.page.get_by_role("link", name=re.compile("in no cluster")).first
        if not link.count():
            return False
        self.hands.click(link)
        return True

    def _next_card(self, seen: set[str]) -> Any | None:
        """The first card of the list that has not been looked at; longer lists grow while one goes down."""
        for attempt in range(2):
            for number in self.page.locator(".cards .card").evaluate_all("cards => cards.map(c => c.dataset.cluster)"):
                if number not in seen:
                    seen.add(number)
                    return self.page.locator(f"#cluster-{number}")
            if attempt == 0 and self.page.locator("a[data-more][href]").count():
                self.hands.scroll_to(self.page.locator("a[data-more][href]"))
        return None

    def _say_who(self, faces: list[int], who: str | None) -> bool:
        """Whether some faces are those of a person; of several on one photo, which. Returns whether any is."""
        right = [face for face in faces if self.eyes.person.get(face) == who is not None]
        known = self.eyes.person.get(faces[0])
        if len(faces) > 1:
            self.hands.press(str(faces.index(right[0]) + 1) if len(right) == 1 else "b" if right else "n")
        elif right:
            self.hands.press("y")
        elif known is not None:
            self.hands.press("w")
            self.hands.type_into(self.page.get_by_placeholder("Who is this?"), known)
            self.hands.press("Enter")
            return True
        else:
            self.hands.press("n" if who is not None and self.eyes.is_wrong(faces[0], who) else "s")
        return bool(right)

    def _same_person(self, who: str) -> None:
        """Where the page asks: the cluster is of the person who has this name already."""
        question = self.page.get_by_role("button", name=re.compile("same person", re.I))
        if question.count():
            self.hands.click(question.first)

    def _check_named(self, card: Any, who: str) -> None:
        field = card.locator("input[name=to]")
        if field.count():
            self.hands.twice("a name that was typed was lost")
            self.hands.type_into(field, who)
            self.hands.press("Enter")

    def _named(self) -> None:
        self.hands.menu("People")
        self.hands.click(self.page.get_by_role("link", name=re.compile(r"^Named\b")))

    def _double(self) -> list[str] | None:
        """Two cards of the list with one name; the list is gone down to its end first."""
        while (more := self.page.locator("a[data-more][href]")).count():
            self.hands.scroll_to(more)
        first: dict[str, str] = {}
        pairs = "cards => cards.map(c => [c.querySelector('.name').innerText, c.dataset.cluster])"
        for name, number in self.page.locator(".cards .card").evaluate_all(pairs):
            if name in first:
                return [first[name], number]
            first[name] = number
        return None

    def _take_out_of(self, who: str) -> None:
        while wrong := [face for face in self._faces_shown() if self.eyes.is_wrong(face, who)]:
            right = self.eyes.person.get(wrong[0])
            self._select([face for face in wrong if self.eyes.person.get(face) == right])
            if right is None:
                self.hands.click(self.page.get_by_role("button", name=f"Not {who}"))
            else:
                self._give(right)
            if set(wrong) == {face for face in self._faces_shown() if self.eyes.is_wrong(face, who)}:
                self.hands.twice(f"nothing had happened to faces of {who}")
                return

    def _loose(self, given: set[int]) -> tuple[str, list[int]] | None:
        """The first person who is seen on the page, with their faces."""
        while True:
            faces = [face for face in self._faces_shown() if face in self.eyes.person]
            if again := given.intersection(faces):
                self.hands.twice(f"{len(again)} faces were given to a person, and are in no cluster all the same")
                faces = [face for face in faces if face not in again]
            if faces:
                who = self.eyes.person[faces[0]]
                return who, [face for face in faces if self.eyes.person[face] == who]
            if not (more := self.page.locator("a[data-more][href]")).count():
                return None
            self.hands.scroll_to(more)

    def _faces_shown(self) -> list[int]:
        return [
            int(face) for face in self.page.locator("[data-face]").evaluate_all("all => all.map(f => f.dataset.face)")
        ]

    def _select(self, faces: list[int]) -> None:
        for face in faces:
            tile = self.page.locator(f'[data-face="{face}"]')
            self.hands.scroll_to(tile)
            self.hands.click(tile.locator(".pick"))

    def _give(self, who: str) -> None:
        self.hands.type_into(self.page.locator(WHO), who)
        self.hands.press("Enter")


def _faces_on(place: Any) -> list[int]:
    """The faces that a part of a page shows."""
    sources = place.locator("img").evaluate_all("pictures => pictures.map(picture => picture.src)")
    return [int(found.group(1)) for source in sources if (found := FACE.search(source))]


def main() -> None:
    parser = argparse.ArgumentParser(description="An evening with photos, counted.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--library", type=Path, help="one that has the photos indexed and clustered")
    parser.add_argument("--out", type=Path, help="where the figures are written as JSON")
    parser.add_argument("--shots", type=Path, help="where a screenshot is kept after each stage")
    given = parser.parse_args()
    with given.labels.open(encoding="utf-8") as file:
        labels = {row["photo"]: row["person"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "library"
        if given.library:
            shutil.copytree(given.library, folder)
        else:
            with Library(folder) as library:
                library.index([given.photos])
                library.cluster()
        figures = evening(folder, labels, given.shots)
    text = json.dumps(figures, indent=2)
    print(text)
    if given.out:
        given.out.write_text(text + "\n", encoding="utf-8")


def evening(folder: Path, labels: dict[str, str], shots: Path | None = None) -> dict[str, Any]:
    """Play it on a library. Returns before, after, and for each stage and all of them what it took."""
    from playwright.sync_api import sync_playwright

    with Library(folder, create=False) as library, serving(folder) as address, sync_playwright() as playwright:
        eyes = Eyes(library, labels)
        before = eyes.result()
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        hands = Hands(page, shots)
        user = Evening(hands, eyes)
        user.play()
        browser.close()
        after = eyes.result()
    return {"before": before, "after": after, "stages": user.figures, "total": hands.total(), "twice": hands.again}


if __name__ == "__main__":
    main()
