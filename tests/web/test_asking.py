"""A name that somebody has already is asked about, and a name that is a number is nobody's number."""

import html
import re

import pytest
from web_samples import Visitor, everybody


def asked(text: str) -> list[tuple[str, dict[str, list[str]]]]:
    """The answers that a page offers to its question: address and what is sent."""
    (group,) = re.findall(r'<div class="asked".*?</div>', text, re.DOTALL)
    found = []
    for action, form in re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', group, re.DOTALL):
        data: dict[str, list[str]] = {}
        for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form):
            data.setdefault(name, []).append(html.unescape(value))
        found.append((action.rpartition("/")[2], data))
    return found


def answer(visitor: Visitor, one: tuple[str, dict[str, list[str]]]) -> None:
    what, data = one
    visitor.decide(what, data.pop("then")[0], **data)


def titles(visitor: Visitor) -> list[tuple[str, int]]:
    return [(one.title, one.size) for one in visitor.library.browse.people().items]


def test_a_name_that_somebody_has_is_asked_about_before_anything_changes(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Jos\u00e9")
    before = everybody(made_up.library)
    text = made_up.decide("name", cluster="2", to="JOSE\u0301")
    assert "the same person?" in text
    assert [what for what, _ in asked(text)] == ["merge", "name"]
    assert (everybody(made_up.library), len(made_up.library.people.history())) == (before, 1)


def test_the_same_person_is_one_person_then(made_up: Visitor) -> None:
    made_up.decide("name", cluster="3", to="Anna")
    same, _ = asked(made_up.decide("name", cluster="1", to="anna"))
    answer(made_up, same)
    assert titles(made_up) == [("Anna", 8), ("cluster 2", 4)]
    assert made_up.library.people.undo() is not None
    assert titles(made_up)[0] == ("cluster 1", 5)


def test_another_of_that_name_is_a_second_person(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Anna")
    _, another = asked(made_up.decide("name", cluster="2", to="Anna"))
    answer(made_up, another)
    assert titles(made_up) == [("Anna", 5), ("Anna", 4), ("cluster 3", 3)]
    # and faces that are given to Anna are asked about, as well as who is merged with her
    text = made_up.decide("assign", face=[10], to="Anna")
    assert [data["to"][0][:9] for _, data in asked(text)] == ["cluster:1", "cluster:2", "Anna"]
    answer(made_up, asked(text)[1])
    assert titles(made_up) == [("Anna", 5), ("Anna", 5), ("cluster 3", 2)]
    assert [what for what, _ in asked(made_up.decide("merge", cluster="1", to="Anna"))] == ["merge"]  # the other one
    text = made_up.decide("merge", cluster="3", to="Anna")
    assert [what for what, _ in asked(text)] == ["merge", "merge"]
    answer(made_up, asked(text)[0])
    assert titles(made_up) == [("Anna", 7), ("Anna", 5)]


def test_faces_go_to_the_only_one_of_a_name_without_a_question(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Anna")
    assert 'class="asked"' not in made_up.decide("assign", face=[10], to="Anna")
    assert titles(made_up)[0] == ("Anna", 6)


def test_a_person_is_not_asked_about_themselves(made_up: Visitor) -> None:
    made_up.decide("name", cluster="1", to="Anna")
    assert 'class="asked"' not in made_up.decide("name", cluster="1", to="ANNA")
    assert titles(made_up)[0] == ("ANNA", 5)


@pytest.mark.parametrize("what", ["name", "merge", "assign"])
def test_a_number_that_is_typed_is_a_name(made_up: Visitor, what: str) -> None:
    made_up.decide("name", cluster="3", to="2")
    data = {"name": {"cluster": "1"}, "merge": {"cluster": "1"}, "assign": {"face": [1, 2, 3, 4, 5]}}[what]
    text = made_up.decide(what, to="2", **data)
    if what == "name":
        answer(made_up, asked(text)[0])
    assert titles(made_up) == [("2", 8), ("cluster 2", 4)]


def test_pages_of_clusters_are_those_of_clusters_whoever_is_called_like_their_number(made_up: Visitor) -> None:
    made_up.decide("name", cluster="3", to="2")
    assert "<h1>Who is this?</h1>" in made_up.get("/people/2").text
    assert "<h1>2</h1>" in made_up.get("/people/3").text
    assert "<h1>2 and others</h1>" in made_up.get("/together?who=2").text
    for page in ("/people/2", "/people/3", "/together", "/together?who=2"):
        for link in set(re.findall(r'href="(/(?:people|photos|together)[^"]*)"', made_up.get(page).text)):
            assert made_up.get(html.unescape(link)).status_code == 200, link
    (value,) = [one["value"] for one in made_up.get("/names?text=2").json()]
    assert made_up.library.people.find(value).id == 3


def test_a_number_that_nobody_is_called_names_somebody(made_up: Visitor) -> None:
    made_up.decide("assign", face=[10], to="2")
    assert sorted(titles(made_up)) == [("2", 1), ("cluster 1", 5), ("cluster 2", 4), ("cluster 3", 2)]


def test_a_name_reaches_a_cluster_that_was_made_anew_meanwhile(made_up: Visitor) -> None:
    (reference,) = re.findall(r'name="cluster" value="(cluster:1/\d+)"', made_up.get("/").text)
    made_up.library.people.merge(["cluster:2", "cluster:1"])
    made_up.decide("name", cluster=reference, to="Anna")
    assert titles(made_up)[0] == ("Anna", 9)
