"""Finding people and photos, and a person's page, in a real browser; each checked on the page and in the database."""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import Visit
from PIL import Image, ImageOps

from facesearch.core.finding import PhotoFilter
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline

SIZES = {"desktop": (1280, 800), "phone": (360, 740)}
# When the photos are taken: two years, and months of one and of several photos.
DATES = ("2019-07-04", "2019-07-05", "2019-07-31", "2019-12-24", "2020-02-29", "2020-03-01")
EXIF_IFD, TAKEN = 0x8769, 0x9003


def dated(photos: list[Path], folder: Path, pipeline: Pipeline) -> Path:
    """A library of copies of photos with real dates, in two folders; every fourth copy is twice as tall."""
    for number, photo in enumerate(photos):
        with Image.open(photo) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
        if number % 4 == 3:
            tall = Image.new("RGB", (image.width, 3 * image.height), "darkgreen")
            tall.paste(image, (0, 0))
            image = tall
        exif = Image.Exif()
        taken = datetime.fromisoformat(f"{DATES[number % len(DATES)]}T12:00:00")
        exif.get_ifd(EXIF_IFD)[TAKEN] = f"{taken:%Y:%m:%d %H:%M:%S}"
        place = folder / ("summer" if taken.month == 7 else "winter")
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{number}.jpg", quality=92, exif=exif)
    with Library(folder / "library") as library:
        library.__dict__["pipeline"] = pipeline
        library.index([folder / "summer", folder / "winter"])
        library.cluster()
        first, second = (str(one.id) for one in library.browse.people(limit=2).items)
        library.people.name(first, "Anna Larsson")
        library.people.name(second, "Bën Ødegård")
    return folder / "library"


@pytest.fixture(scope="session")
def demo_library(
    demo: tuple[Path, dict[str, tuple[str, ...]]], pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """In place of the one of all tests of pages: the photos with people, dated."""
    photos = [demo[0] / name for name, people in demo[1].items() if people and not name.endswith(".heic")]
    return dated(photos, tmp_path_factory.mktemp("dated"), pipeline)


@pytest.fixture(scope="session")
def photos_library(data: Path, pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    with (data / "photos.csv").open(encoding="utf-8") as file:
        rows = [tuple(row.values())[:2] for row in csv.DictReader(file)]
    of: dict[str, list[Path]] = {}
    for name, person in rows:
        of.setdefault(person, []).append(data / "photos" / name)
    some = [photos for photos in of.values() if len(photos) > 8][:3]
    folder = tmp_path_factory.mktemp("dated-photos")
    library = dated([photo for photos in some for photo in photos[:8]], folder, pipeline)
    return library, folder, some[0][0]


BOTH = pytest.mark.parametrize("visited", ["demo", pytest.param("photos", marks=pytest.mark.data)], indirect=True)


@pytest.fixture
def sized(request: pytest.FixtureRequest, visited: Visit) -> Iterator[Visit]:
    """The demo on a phone's screen, photos of many people on a desktop's; nothing lies outside of it in the end."""
    spec = getattr(request.node, "callspec", None)
    width, height = SIZES["desktop" if spec and spec.params.get("visited") == "photos" else "phone"]
    visited.page.set_viewport_size({"width": width, "height": height})
    yield visited
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= width


def shown(visit: Visit) -> list[int]:
    return [int(str(tile.get_attribute("id")).removeprefix("photo-")) for tile in visit.page.locator(".photo").all()]


def found(visit: Visit, **asked: Any) -> list[int]:
    return [photo.id for photo in visit.library.browse.photos(where=PhotoFilter(**asked), limit=500).items]


def turned(visit: Visit, pixels: int, until: Callable[[], bool]) -> None:
    """Turn the wheel, until something is so."""
    visit.page.mouse.move(180, 100)
    for _ in range(100):
        if until():
            return
        visit.page.mouse.wheel(0, pixels)
        visit.page.wait_for_timeout(100)
    assert until()


def asked(visit: Visit) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(visit.page.url).query)


@BOTH
def test_people_and_photos_are_found_by_part_of_a_name(sized: Visit) -> None:
    visit, page = sized, sized.page
    visit.go("/")
    page.keyboard.press("/")
    page.keyboard.type("odeg")
    option = page.locator("#found option")
    option.first.wait_for(state="attached")
    assert option.first.get_attribute("value") == '"Bën Ødegård"'
    page.keyboard.press("Enter")
    page.wait_for_url("**/photos?q=odeg")
    assert shown(visit) == found(visit, people=("Bën Ødegård",)) != []
    page.get_by_role("link", name="Bën Ødegård").click()
    page.get_by_role("heading", name="Bën Ødegård").wait_for()


@BOTH
def test_the_next_word_is_completed_and_what_was_typed_stays(visited: Visit) -> None:
    page = visited.page
    visited.go("/photos")
    page.locator("[data-find]").press_sequentially("2019 -larss")
    option = page.locator("#found option")
    option.first.wait_for(state="attached")
    assert option.first.get_attribute("value") == '2019 -"Anna Larsson"'
    page.locator("[data-find]").fill('2019 -"Anna Larsson"')
    page.locator("[data-find]").press("Enter")
    page.wait_for_url("**/photos?q=*")
    assert shown(visited) == found(visited, without=("Anna Larsson",), during="2019") != []


@BOTH
def test_all_that_was_asked_for_is_in_the_address_and_can_be_taken_away(sized: Visit) -> None:
    visit, page = sized, sized.page
    visit.go("/photos?q=anna")
    page.get_by_text("Who, when and where").click()
    page.get_by_label("Not with", exact=True).fill("Bën Ødegård")
    page.get_by_label("Faces", exact=True).fill("1")
    page.get_by_label("From", exact=True).fill("2019-07")
    page.get_by_label("Until", exact=True).fill("2019")
    page.get_by_label("Folder", exact=True).press_sequentially("SUMM")
    folder = page.locator("#folders option")
    folder.first.wait_for(state="attached")
    page.get_by_label("Folder", exact=True).fill(folder.first.get_attribute("value"))
    page.get_by_label("nobody else").check()
    page.get_by_role("button", name="Find").click()
    page.wait_for_url("**from=2019-07**")
    where = {"q": "anna", "not": "Bën Ødegård", "only": "1", "faces": "1", "from": "2019-07", "to": "2019"}
    address = asked(visit)
    assert {name: address[name] for name in where} == {name: [value] for name, value in where.items()}
    assert address.keys() == where.keys() | {"folder"}
    expected = found(
        visit, people=("Anna Larsson",), only=True, count="1", since="2019-07", until="2019", folder="summer"
    )
    assert shown(visit) == expected != []
    kept = page.url
    page.get_by_label("Take away: in ").click()
    page.get_by_label("Take away: from 1 July 2019").click()
    page.get_by_label("Take away: until 31 December 2019").click()
    page.wait_for_url(lambda url: "to=" not in url)
    assert shown(visit) == found(visit, people=("Anna Larsson",), only=True, count="1")
    page.goto(kept)  # as somebody to whom it was sent
    assert shown(visit) == expected
    assert page.get_by_label("Folder", exact=True).input_value() == address["folder"][0]


@BOTH
def test_where_no_photo_has_all_it_says_what_there_is_without_each(sized: Visit) -> None:
    visit, page = sized, sized.page
    visit.go("/photos?q=anna+2001")
    page.get_by_role("heading", name="No photo has all of this").wait_for()
    everything = found(visit, people=("Anna Larsson",))
    page.get_by_role("link", name=f"{len(everything)} photos").click()
    page.wait_for_url("**/photos?q=anna")
    assert shown(visit) == everything


def test_what_cannot_be_meant_is_said_beside_what_was_typed(visited: Visit) -> None:
    page = visited.page
    visited.go("/photos?q=anna&from=04.07.2019")
    assert "A date is written as 2019, 2019-07 or 2019-07-04" in page.locator(".problem").text_content()
    assert page.get_by_label("From", exact=True).input_value() == "04.07.2019"
    visited.go("/photos?with=Dora")
    assert "nobody called 'Dora'" in page.locator(".problem").text_content()


@BOTH
def test_years_lead_to_their_photos(sized: Visit) -> None:
    visit, page = sized, sized.page
    visit.go("/photos?q=anna")
    page.get_by_role("navigation", name="Years").get_by_role("link", name="2019").click()
    page.wait_for_url("**during=2019")
    assert shown(visit) == found(visit, people=("Anna Larsson",), during="2019") != []


@BOTH
def test_each_month_has_a_heading_and_rows_of_its_own_and_no_head_is_cut_off(
    sized: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facesearch.web.finding.PHOTOS", 4)  # a month goes on on the next page
    visit, page = sized, sized.page
    visit.go("/photos")
    every = found(visit)
    turned(visit, 300, lambda: len(shown(visit)) == len(every))
    assert shown(visit) == every
    headings = [heading.text_content() for heading in page.locator(".when").all()]
    assert headings == ["March 2020", "February 2020", "December 2019", "July 2019"]
    rows: dict[float, set[str]] = {}
    for box in page.evaluate(TILES):
        rows.setdefault(round(box["top"]), set()).add(box["month"])
        assert box["bottom"] - box["top"] < 1.75 * (180 if page.viewport_size["width"] > 620 else 112)
        photo = visit.library.browse.photo(box["photo"]).photo
        # what of the photo is seen, in its own pixels; its heads are there
        scale = max(box["width"] / photo.size[0], box["height"] / photo.size[1])
        for side, length in enumerate(photo.size):
            window = (box["width"], box["height"])[side] / scale
            start = (length - window) * box["place"][side] / 100
            for face in photo.faces:
                assert start - 0.06 * length <= face.box[side], photo
                assert face.box[side + 2] <= start + window + 0.06 * length, photo
    assert {len(months) for months in rows.values()} == {1}


@BOTH
def test_each_month_is_as_before_when_photos_have_gone_and_come_again(
    sized: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facesearch.web.finding.PHOTOS", 1)  # all are more than the page holds
    visit, page = sized, sized.page
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 200})
    visit.go("/photos")
    page.evaluate(FAR_APART)
    every = found(visit)
    turned(visit, 500, lambda: shown(visit)[-1:] == every[-1:])
    assert every[0] not in shown(visit)
    in_months(visit)
    turned(visit, -500, lambda: shown(visit)[:1] == every[:1])
    assert every[-1] not in shown(visit)
    in_months(visit)


def in_months(visit: Visit) -> None:
    """Before the first photo of each month are one filler and one heading, and nowhere else."""
    rows = visit.page.locator(".photos > li").all()
    expected: list[str | None] = []
    for one in shown(visit):
        month = f"{visit.library.browse.photo(one).photo.taken:%Y-%m}"
        expected += [None] if month in expected else [month, month, None]
    assert [row.get_attribute("data-when") for row in rows] == expected


FAR_APART = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".photo { flex: 0 0 100%; height: 500px; overflow: hidden; }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
TILES = """() => [...document.querySelectorAll(".photo")].map((tile) => {
  let before = tile;
  while (!before.matches(".when")) before = before.previousElementSibling;
  const image = tile.querySelector("img"), box = image.getBoundingClientRect();
  const place = getComputedStyle(image).objectPosition.split(" ").map(parseFloat);
  return { photo: +tile.id.slice(6), month: before.dataset.when, place,
    top: box.top + scrollY, bottom: box.bottom + scrollY, width: box.width, height: box.height };
})"""


# -- a person's page


@BOTH
def test_a_cover_is_chosen_and_undone(sized: Visit) -> None:
    visit, page, before = sized, sized.page, sized.state()
    anna = visit.library.browse.cluster("Anna Larsson")
    other = next(face.id for face in visit.library.browse.faces("Anna Larsson").items if face.id != anna.cover.id)
    visit.go(f"/people/{anna.id}")
    page.locator(f'[data-face="{other}"] .pick').check()
    page.get_by_role("button", name="Use as cover").click()
    assert f"has face {other} as the cover" in visit.note()
    assert visit.library.browse.cluster("Anna Larsson").cover.id == other
    page.locator(f'.who > img[src*="/face/{other}/"]').wait_for()
    visit.go("/")
    page.locator(f'#cluster-{anna.id} img[src*="/face/{other}/"]').wait_for()
    visit.go(f"/people/{anna.id}")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Let facesearch choose the cover").click()
    visit.note()
    assert visit.library.browse.cluster("Anna Larsson").cover.id == anna.cover.id
    visit.undo()
    assert visit.library.browse.cluster("Anna Larsson").cover.id == other
    visit.library.people.undo()
    assert visit.state() == before


@BOTH
def test_a_birth_date_gives_ages_and_is_undone(sized: Visit) -> None:
    visit, page, before = sized, sized.page, sized.state()
    anna = visit.library.browse.cluster("Anna Larsson").id
    visit.go(f"/people/{anna}")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Born on").fill("2000-03-01")
    page.locator("#born button").click()
    assert "was born on 1 March 2000" in visit.note()
    assert "born 1 March 2000" in page.locator(".who").text_content()
    told = [text.partition(", ")[::2] for text in page.locator(".face .about").all_text_contents()]
    assert told
    for day, age in told:
        taken = datetime.strptime(day, "%d %b %Y")
        years = taken.year - 2000 - ((taken.month, taken.day) < (3, 1))
        assert age.replace("\u00a0", " ") == f"{years} years", day
    page.locator("[data-face] .tile").first.click()
    page.locator(".who-list").get_by_text(re.compile(r"\d+ years")).first.wait_for()
    visit.go(f"/people/{anna}")
    page.get_by_text("born 1 March 2000").wait_for()
    visit.library.people.undo()
    page.get_by_text("born 1 March 2000").wait_for(state="detached")  # as seen from another window
    assert visit.state() == before


@BOTH
def test_a_persons_photos_are_by_year_with_a_jump(sized: Visit) -> None:
    visit, page = sized, sized.page
    anna = visit.library.browse.cluster("Anna Larsson").id
    visit.go(f"/people/{anna}")
    assert page.locator(".faces .when").all_text_contents() == ["2020", "2019"]
    years = page.get_by_role("navigation", name="Photos by year")
    counted = {one.year: one.photos for one in visit.library.browse.years(PhotoFilter(people=("Anna Larsson",)))}
    assert [link.text_content() for link in years.get_by_role("link").all()] == [
        f"{year} {count}" for year, count in counted.items()
    ]
    years.get_by_role("link", name="2019").click()
    page.wait_for_url("**year=2019#faces")
    page.wait_for_timeout(500)  # it went down to the faces by itself, which asks for no more of them
    assert page.locator(".faces .when").all_text_contents() == ["2019"]
    faces = [int(tile.get_attribute("data-face")) for tile in page.locator("[data-face]").all()]
    assert faces == [face.id for face in visit.library.browse.faces(str(anna), year=2019).items] != []
    address = page.url
    turned(visit, -10, lambda: page.locator(".faces .when").count() == 2)  # one can go before it
    everything = [face.id for face in visit.library.browse.faces(str(anna)).items]
    assert [int(tile.get_attribute("data-face")) for tile in page.locator("[data-face]").all()] == everything
    page.goto(address)
    page.get_by_role("link", name="From the newest on").click()
    page.get_by_role("heading", name="2020").wait_for()


def test_together_with_leads_to_the_photos_that_show_both(sized: Visit) -> None:
    visit, page = sized, sized.page
    anna = visit.library.browse.cluster("Anna Larsson").id
    together = visit.library.browse.together(str(anna), 8)
    visit.go(f"/people/{anna}")
    strip = page.get_by_role("region", name="Together with")
    for one in together:
        assert strip.get_by_role("link", name=f"{one.cluster.title} {one.photos} photos").count() == 1
    strip.get_by_role("link", name="Bën Ødegård").click()
    page.wait_for_url("**/photos?**")
    assert shown(visit) == found(visit, people=("Anna Larsson", "Bën Ødegård")) != []


@BOTH
def test_doubtful_faces_come_first_on_demand(sized: Visit) -> None:
    visit, page = sized, sized.page
    anna = visit.library.browse.cluster("Anna Larsson").id
    visit.go(f"/people/{anna}")
    page.get_by_role("link", name="Least certain first").click()
    page.wait_for_url("**order=doubt")
    faces = [int(tile.get_attribute("data-face")) for tile in page.locator("[data-face]").all()]
    assert faces == [face.id for face in visit.library.browse.faces(str(anna), "doubt").items]


def test_people_are_turned_in_the_list_that_one_came_from(visited: Visit) -> None:
    """In the order of faces that was chosen; not where the page was opened by its address."""
    visit = visited
    first, second = visit.clusters_shown()[:2]
    visit.go(f"/people/{first}")
    assert not visit.page.locator("[data-turn]").is_visible()
    visit.go("/")
    visit.page.locator(f"#cluster-{first} .tile").click()
    visit.page.locator("[data-place]", has_text="1 of ").wait_for()
    visit.page.get_by_role("link", name="Least certain first").click()
    visit.page.wait_for_url(f"**/people/{first}?order=doubt")
    visit.page.locator("[rel=next][href]").wait_for()
    visit.page.keyboard.press("j")
    visit.page.wait_for_url(f"**/people/{second}?order=doubt")
    visit.page.locator("[data-place]", has_text="2 of ").wait_for()
    visit.page.locator(".pick").first.check()
    visit.page.keyboard.press("Escape")  # the selection only
    visit.page.wait_for_timeout(300)
    assert visit.page.url.endswith("?order=doubt")
    assert visit.page.locator(".pick:checked").count() == 0
    visit.page.keyboard.press("k")
    visit.page.wait_for_url(f"**/people/{first}?order=doubt")
    visit.page.locator("[data-place]", has_text="1 of ").wait_for()
    visit.page.keyboard.press("Escape")
    visit.page.locator(f"#cluster-{first}").wait_for()
