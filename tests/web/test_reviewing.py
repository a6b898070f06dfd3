"""Questions about faces, and decisions about many at once, as forms send them; without a browser."""

import re

from web_samples import Visitor


def loosen(visitor: Visitor, cluster: int, count: int) -> list[int]:
    """Some faces of a cluster are in none any more, and nothing is decided about them."""
    faces = [face.id for face in visitor.library.browse.faces(str(cluster)).items[:count]]
    visitor.library.people.not_a_face(faces)
    visitor.library.people.is_a_face(faces)
    return faces


def asked(text: str) -> str:
    found = re.search(r'data-question="([\d-]+)"', text)
    return found.group(1) if found else ""


def test_faces_are_asked_about_until_all_are_answered(made_up: Visitor) -> None:
    made_up.library.people.name("1", "Anna")
    faces = loosen(made_up, 1, 3)
    text = made_up.get("/review/faces").text
    assert "Is this Anna?" in text
    answered = []
    for what in ("confirm", "reject", "not-a-face"):
        cluster, face = asked(text).split("-")
        answered.append(int(face))
        text = made_up.decide(what, "/review/faces", cluster=cluster, face=face)
    assert sorted(answered) == sorted(faces)
    assert "Nothing to ask" in text
    assert [one.kind for one in made_up.library.people.history()[:3]] == ["not-a-face", "reject", "assign"]
    assert made_up.library.people.cluster_of(answered[0]) == 1


def test_a_skipped_question_comes_again_at_the_end(made_up: Visitor) -> None:
    made_up.library.people.name("1", "Anna")
    loosen(made_up, 1, 2)
    text, seen = made_up.get("/review/faces").text, []
    while asked(text):
        seen.append(asked(text))
        skip = re.search(r'href="([^"]+)" data-key="s"', text)
        assert skip is not None
        text = made_up.get(skip.group(1).replace("&amp;", "&")).text
    assert len(set(seen)) == len(seen) == 2
    assert "Begin again with those skipped" in text
    assert asked(made_up.get("/review/faces").text) == seen[0]


def test_people_on_few_photos_are_counted_and_hidden(made_up: Visitor) -> None:
    made_up.library.people.name("2", "Bela")
    text = made_up.get("/few?photos=5").text
    assert "1 person without a name is on fewer than 5 photos, and 1 person with one" in text
    assert "1 person on fewer than 5 photos is ignored" in made_up.decide("ignore-few", photos="5")
    assert made_up.library.browse.counts().ignored == 1
    made_up.decide("ignore-few", photos="5", named="1")
    assert made_up.library.browse.counts().ignored == 2
    made_up.decide("undo")
    made_up.decide("undo")
    assert made_up.library.browse.counts().ignored == 0
    assert made_up.get("/few?photos=x").status_code == 404


def test_forms_about_many(made_up: Visitor) -> None:
    people = made_up.library.people
    for what, data, kind in (
        ("name", {"cluster": ["1", "2"], "to": "Anna"}, "name"),
        ("ignore", {"cluster": ["1", "2"]}, "ignore"),
        ("no-faces", {"cluster": ["2", "3"]}, "not-a-face"),
        ("ignore-faces", {"face": ["1", "2"], "cluster": "1"}, "ignore"),
        ("choose", {"cluster": "1", "face": ["1"], "other": ["2"]}, "choose"),
    ):
        made_up.decide(what, **data)
        assert [one.kind for one in people.history()] == [kind]
        made_up.decide("undo")
        assert people.history() == []
    for what in ("name", "ignore", "no-faces", "ignore-faces", "choose", "ignore-few"):
        made_up.decide(what, to="Anna")
        assert people.history() == []
