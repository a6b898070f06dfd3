"""Hands on a keyboard and a mouse: they act on what can be seen, and count what that takes.

An action is one of: a click, a key, a name that is typed (however long it is), a turn of the wheel by most of a screen,
a page that is gone back to. Moving the mouse belongs to the click. Looking is not counted.

Seconds are of two kinds. `page` is measured: how long the hands waited for pages. `person` is reckoned, as nobody has
hands like these: the keystroke-level model (Card, Moran, Newell, 1980) gives 0.28 s to a key, 1.1 s to pointing, 0.2 s
to a press of the button, 0.4 s to a change between keyboard and mouse, 1.35 s to the decision before an action; the
measured waiting is added.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["Hands"]

# A point of an element that nothing lies over, from its corner.
FREE_POINT = """element => {
    const box = element.getBoundingClientRect();
    for (const [x, y] of [[.5, .5], [.1, .5], [.9, .5], [.5, .1], [.5, .9], [.25, .25], [.75, .75]]) {
        const hit = document.elementFromPoint(box.left + box.width * x, box.top + box.height * y);
        if (hit && (element.contains(hit) || hit.contains(element))) return { x: box.width * x, y: box.height * y };
    }
    return null;
}"""

KEY_S, POINT_S, PRESS_S, HOME_S, DECIDE_S = 0.28, 1.1, 0.2, 0.4, 1.35
# A turn of the wheel, and how often one is turned before something is given up.
WHEEL_PX, TURNS = 600, 400
SIDESTEP_PX = 200
# So much at the top and at the bottom may lie under a bar.
COVERED_PX = 70
# Pages are quiet when nothing has been asked for, and no form is being answered, twice in a row, so far apart.
QUIET_MS, LONGEST_S = 15, 30
ANSWERED = "!document.querySelector('form[aria-busy]')"
LOOK_MS = 450
# Streams are open as long as the page is.
STREAMS = ("eventsource", "websocket")


class Hands:
    """One user's. Args: page: Playwright's."""

    def __init__(self, page: Any, shots: Path | None = None) -> None:
        self.page, self.again = page, Counter[str]()
        self._shots = shots
        self._count, self._seconds = Counter[str](), defaultdict[str, float](float)
        self._at_keys, self._open = False, set[Any]()
        page.on("request", lambda request: self._open.add(request) if request.resource_type not in STREAMS else None)
        for event in ("requestfinished", "requestfailed"):
            page.on(event, lambda request: self._open.discard(request))
        page.on("framenavigated", lambda _: self._open.clear())

    # -- what they do

    def click(self, place: Any) -> None:
        """Raises Playwright's error where it cannot be seen, or something lies over it."""
        self._think(DECIDE_S)
        self._reach(keys=False)
        point = place.evaluate(FREE_POINT) if self.can_reach(place) else None
        self._did("clicks", POINT_S + PRESS_S, lambda: place.click(position=point))

    def can_reach(self, place: Any) -> bool:
        """Whether it can be clicked: where something lies over it, the wheel is turned a little to bring it out."""
        place.scroll_into_view_if_needed()
        for turn in (-SIDESTEP_PX, 2 * SIDESTEP_PX):
            if place.evaluate(FREE_POINT) is not None:
                return True
            self.twice("something lay over what was to be clicked")
            self._did("turns", PRESS_S, lambda turn=turn: self.page.mouse.wheel(0, turn))
        return place.evaluate(FREE_POINT) is not None

    def press(self, key: str) -> None:
        self._think(DECIDE_S if key != "Enter" else 0.0)  # Enter ends what was decided
        self._reach(keys=True)
        self._did("keys", KEY_S, lambda: self.page.keyboard.press(key))

    def look(self) -> None:
        """As long as anybody needs to see what is new; keys that come sooner answer nothing."""
        self.page.wait_for_timeout(LOOK_MS)

    def type_into(self, field: Any, text: str) -> None:
        """Type a text; where the field does not have the focus, it is clicked first."""
        if not field.evaluate("field => field === document.activeElement"):
            self.click(field)
        else:
            self._think(DECIDE_S)
        self._reach(keys=True)
        self._did("typed", KEY_S * len(text), lambda: self.page.keyboard.type(text))

    def back(self) -> None:
        self._think(DECIDE_S)
        self._did("back", 2 * KEY_S, lambda: self.page.go_back())

    def menu(self, name: str) -> None:
        """A page of the menu at the top."""
        if self._at()[0]:
            self._reach(keys=False)
            self._did("turns", PRESS_S, lambda: self.page.mouse.wheel(0, -1_000_000))
        self.click(self.page.locator(".top nav").get_by_role("link", name=name))

    def scroll_to(self, place: Any) -> None:
        """Turn the wheel until something is in sight, or the page ends."""
        for _ in range(TURNS):
            if not place.count() or (way := self._way_to(place)) == 0:
                return
            at = self._at()
            self._reach(keys=False)
            self._did("turns", PRESS_S, lambda way=way: self.page.mouse.wheel(0, way))
            if self._at() == at:
                return
        raise RuntimeError("what was looked for never came into sight")

    def twice(self, why: str) -> None:
        """Something had to be done again."""
        self.again[why] += 1

    # -- what it took

    @contextmanager
    def counted(self, stage: str, figures: dict[str, dict[str, float]]) -> Iterator[None]:
        count, seconds, began = self._count.copy(), self._seconds.copy(), time.perf_counter()
        yield
        done = self._count - count
        spent = {name: self._seconds[name] - seconds.get(name, 0) for name in self._seconds}
        figures[stage] = _figures(done, spent) | {"script_s": round(time.perf_counter() - began, 1)}
        if self._shots:
            self._shots.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self._shots / f"{stage}.png")

    def total(self) -> dict[str, float]:
        return _figures(self._count, self._seconds) | {"twice": self.again.total()}

    # -- how

    def _did(self, kind: str, seconds: float, act: Any) -> None:
        self._count[kind] += 1
        self._seconds["hands"] += seconds
        began = time.perf_counter()
        act()
        self._settle()
        self._seconds["page"] += time.perf_counter() - began

    def _think(self, seconds: float) -> None:
        self._seconds["thought"] += seconds

    def _reach(self, *, keys: bool) -> None:
        if keys != self._at_keys:
            self._seconds["hands"] += HOME_S
            self._at_keys = keys

    def _settle(self) -> None:
        quiet, end = 0, time.perf_counter() + LONGEST_S
        while quiet < 2 and time.perf_counter() < end:
            self.page.wait_for_timeout(QUIET_MS)
            quiet = quiet + 1 if not self._open and self._answered() else 0
        self.page.wait_for_load_state("load")

    def _answered(self) -> bool:
        from playwright.sync_api import Error

        try:
            return bool(self.page.evaluate(ANSWERED))
        except Error:  # the page is just becoming another one
            return False

    def _at(self) -> list[float]:
        """How far down the page is, and how long."""
        return list(self.page.evaluate("[scrollY, document.documentElement.scrollHeight]"))

    def _way_to(self, place: Any) -> float:
        """How far to turn until something is in the middle, up where negative; 0 where it is in sight."""
        box, height = place.first.bounding_box(), self.page.viewport_size["height"]
        if box is None:
            return 0
        top, bottom = box["y"], box["y"] + box["height"]
        if top >= COVERED_PX and (bottom <= height - COVERED_PX or box["height"] > height - 2 * COVERED_PX):
            return 0
        return float(max(-WHEEL_PX, min(WHEEL_PX, (top + bottom - height) / 2)))


def _figures(count: Counter[str], seconds: Any) -> dict[str, float]:
    person = seconds.get("hands", 0) + seconds.get("thought", 0) + seconds.get("page", 0)
    return {
        "actions": count.total(),
        **dict(count),
        "page_s": round(seconds.get("page", 0), 1),
        "person_s": round(person, 1),
    }
