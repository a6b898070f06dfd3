"""Several windows on one library: pages learn what is new, and do not overwrite it."""

import threading

from web_samples import Visitor

from facesearch.library import Library


def test_pages_can_ask_how_far_it_is_and_whether_there_is_something_new(made_up: Visitor) -> None:
    began, go_on = threading.Event(), threading.Event()

    def work(jobs: object) -> None:
        made_up.site.jobs.progress(10, 4, 7)
        began.set()
        go_on.wait(60)

    before = made_up.get("/changes").json()
    assert before["work"] is None
    assert f'data-version="{before["version"]}"' in made_up.get("/").text
    made_up.site.jobs.start("index", "/photos", work)
    assert began.wait(60)
    during = made_up.get("/changes").json()
    assert (during["work"]["todo"], during["work"]["done"], during["work"]["faces"]) == (10, 4, 7)
    assert during["work"]["title"] == "Indexing: 4 of 10 …"
    go_on.set()
    made_up.site.jobs.wait(60)
    after = made_up.get("/changes").json()
    assert after["work"] is None
    assert len({one["version"] for one in (before, during, after)}) == 3
    with Library(made_up.library.folder, create=False) as another:  # as another process would
        another.people.name("1", "Anna")
    assert made_up.get("/changes").json()["version"] != after["version"]


def test_a_name_given_meanwhile_is_not_overwritten(made_up: Visitor) -> None:
    made_up.library.people.name("1", "Anna")

    def name(to: str, shown: str) -> str:
        return made_up.decide("name", cluster="1", to=to, shown=shown)

    assert "Nothing has been changed: cluster 1 has been named Anna meanwhile." in name("Bea", shown="")
    assert made_up.library.browse.cluster("Anna").id == 1
    assert "is Bea" in name("Bea", shown="Anna")
    assert "Nothing has been changed: cluster 1 has been named Bea meanwhile." in name("Carla", shown="Anna")
    assert made_up.library.browse.cluster("Bea").id == 1
