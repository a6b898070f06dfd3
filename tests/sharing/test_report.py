"""`facesearch report`: pages that work as files, and hold no more than was asked for."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from picture_samples import PictureLibrary, colour_of, colours
from pictures import GREEN, RED
from typer.testing import CliRunner

from facesearch.cli import app
from facesearch.core.errors import InputError
from facesearch.library import Library
from facesearch.sharing import report as reporting
from facesearch.sharing.report import ReportOptions, make_report

BLUE = (0, 0, 255)
EVIL = "<script>alert(1)</script>\"'&"
# Attributes that make a browser load something or go somewhere.
LINKS = ("href", "src", "srcset", "action", "formaction", "data", "poster", "xlink:href", "content")


class Page(HTMLParser):
    """The tags, links and text of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []
        self.attributes: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value or "" for name, value in attrs if name in LINKS and tag != "meta"]

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """Anna is red and on two photos, somebody green on one of these, and Cem, who is blue and ignored, on his own."""
    pictures = PictureLibrary(tmp_path)
    anna, green = pictures.add("both.jpg", colours(RED, GREEN), 2)
    (alone,) = pictures.add("alone.jpg", colours(RED, size=(401, 200)), 1)
    (cem,) = pictures.add("cem.jpg", colours(BLUE), 1)
    pictures.store.close()
    with Library(tmp_path / "library") as library:
        library.people.assign([anna, alone, green], "Anna")
        library.people.split("Anna", [[green]])
        library.people.assign([cem], "Cem")
        library.people.ignore("Cem")
        yield library


def pages(folder: Path) -> dict[str, Page]:
    return {path.relative_to(folder).as_posix(): Page(path) for path in sorted(folder.rglob("*.html"))}


def colours_in(folder: Path) -> set[tuple[int, ...]]:
    return {colour_of(path.read_bytes()) for path in folder.glob("pictures/face-*.jpg")}


def everything(folder: Path) -> bytes:
    return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("photos", [False, True])
def test_every_link_leads_to_a_file_of_the_report_and_nothing_is_loaded_from_elsewhere(library, tmp_path, photos):
    out = tmp_path / "out"
    made = make_report(library, out, ReportOptions(photos=photos, ignored=True))
    assert (made.people, made.faces, made.left_out) == (3, 4, [])
    found = pages(out)
    assert len(found) == 4 + (3 if photos else 0)
    linked = set()
    for name, page in found.items():
        assert "script" not in page.tags
        assert not [attribute for attribute in page.attributes if attribute.startswith("on")]
        for link in page.links:
            assert not re.match(r"[a-z]+:|/", link), f"{link} in {name}"
            target = ((out / name).parent / unquote(link.split("#")[0])).resolve() if link.split("#")[0] else out / name
            assert target.is_file(), f"{link} in {name}"
            linked.add(target)
    styles = "".join(path.read_text() for path in out.glob("static/*.css"))
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", styles)
    rest = {path.name for path in out.rglob("*") if path.is_file() and path.resolve() not in linked}
    assert rest <= {reporting.REPORT, "index.html"}  # nothing lies there that no page shows


def test_everybody_but_ignored_people_is_there_the_largest_first(library, tmp_path):
    out = tmp_path / "out"
    make_report(library, out, ReportOptions(title="Reunion"))
    index = pages(out)["index.html"]
    assert "Reunion" in index.text
    assert index.text.index("Anna") < index.text.index("Unnamed")
    assert "Cem" not in everything(out).decode(errors="replace")
    assert colours_in(out) == {RED, GREEN}
    assert [name for name in pages(out) if name.startswith("photos/")] == []


def test_only_those_who_are_wanted_are_in_it(library, tmp_path):
    out = tmp_path / "out"
    made = make_report(library, out, ReportOptions(only=("anna", "Anna"), photos=True))
    assert (made.people, made.faces, made.photos) == (1, 2, 2)
    assert colours_in(out) == {RED}
    assert "Unnamed" not in "".join(page.text for page in pages(out).values())  # nor on the photo of both
    make_report(library, out, ReportOptions(only=("Cem",)))
    assert colours_in(out) == {BLUE}
    make_report(library, out, ReportOptions(named=True, ignored=True))
    assert colours_in(out) == {RED, BLUE}
    with pytest.raises(InputError, match="Dora"):
        make_report(library, out, ReportOptions(only=("Dora",)))
    assert colours_in(out) == {RED, BLUE}  # the earlier one is left alone


def test_where_files_are_is_only_said_if_asked_for(library, tmp_path):
    out, place = tmp_path / "out", str(tmp_path / "photos").encode()
    make_report(library, out, ReportOptions(photos=True))
    assert place not in everything(out)
    assert b"both.jpg" not in everything(out)
    make_report(library, out, ReportOptions(paths=True))
    assert place in everything(out)
    make_report(library, out, ReportOptions(paths=True, photos=True))
    assert any(str(tmp_path / "photos" / "both.jpg") in page.text for page in pages(out).values())


def test_an_earlier_report_is_replaced_and_leaves_nothing_behind(library, tmp_path):
    out = tmp_path / "out"
    make_report(library, out, ReportOptions(photos=True, ignored=True))
    (out / "notes.txt").write_text("mine")
    make_report(library, out, ReportOptions(only=("Anna",)))
    assert colours_in(out) == {RED}
    assert not (out / "photos").exists()
    assert "Cem" not in everything(out).decode(errors="replace")
    assert (out / "notes.txt").read_text() == "mine"


def test_a_folder_with_other_files_is_left_alone(library, tmp_path):
    with pytest.raises(InputError, match=str(tmp_path / "photos")):
        make_report(library, tmp_path / "photos")
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["alone.jpg", "both.jpg", "cem.jpg"]
    with pytest.raises(InputError, match=r"cem\.jpg"):
        make_report(library, tmp_path / "photos" / "cem.jpg")


def test_a_report_that_was_cut_off_is_made_again(library, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(reporting._Report, "write_index", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception, match="killed"):
            make_report(library, out)
    make_report(library, out)
    assert "Anna" in pages(out)["index.html"].text


@pytest.mark.parametrize("photos", [False, True])
def test_names_are_text_whatever_is_in_them(library, tmp_path, photos):
    library.people.name("Anna", EVIL)
    make_report(library, tmp_path / "out", ReportOptions(title=EVIL, photos=photos, paths=True))
    for name, page in pages(tmp_path / "out").items():
        assert "script" not in page.tags, name
        assert EVIL in page.text


def test_what_cannot_be_read_is_grey_and_said(library, tmp_path):
    (tmp_path / "photos" / "alone.jpg").unlink()
    made = make_report(library, tmp_path / "out", ReportOptions(photos=True))
    assert [bool(reason) for _, reason in made.left_out] == [True, True]
    assert {what.split()[0] for what, _ in made.left_out} == {"face", "photo"}
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 3 + 2


def test_somebody_with_many_faces_has_several_pages(library, tmp_path, monkeypatch):
    monkeypatch.setattr(reporting, "FACES", 1)
    monkeypatch.setattr(reporting, "CLUSTERS", 1)
    out = tmp_path / "out"
    make_report(library, out)
    found = pages(out)
    anna, other = (cluster.id for cluster in library.browse.people().items)
    assert {f"people/{anna}.html", f"people/{anna}-2.html", "people/page-2.html", f"people/{other}.html"} < set(found)
    assert f"../people/{anna}-2.html" in found[f"people/{anna}.html"].links
    assert "people/page-2.html" in found["index.html"].links
    assert "../index.html" in found["people/page-2.html"].links


def test_a_library_without_people_makes_a_page_that_says_so(tmp_path):
    PictureLibrary(tmp_path).store.close()
    with Library(tmp_path / "library") as library:
        make_report(library, tmp_path / "out")
    assert pages(tmp_path / "out")["index.html"].text


def test_the_command_says_what_it_made(library, tmp_path):
    out, place = tmp_path / "out", ["--library", str(tmp_path / "library")]
    library.close()
    result = CliRunner().invoke(app, ["report", str(out), "--photos", "--json", *place])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {"people": 2, "faces": 3, "photos": 2, "failures": []}
    (tmp_path / "photos" / "alone.jpg").unlink()
    result = CliRunner().invoke(app, ["report", str(out), "--person", "Anna", *place])
    assert str(out / "index.html") in result.stdout
    assert len(result.stdout.splitlines()) == 1  # what was left out is on stderr
    assert (out / "index.html").is_file()
