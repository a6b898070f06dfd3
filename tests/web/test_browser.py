"""What people do on the pages, in a real browser; each checked on the page and in the database."""

import re
from typing import Any

import pytest
from browsing import Visit

BOTH = pytest.mark.parametrize("visited", ["demo", pytest.param("photos", marks=pytest.mark.data)], indirect=True)


def choose(visit: Visit, *faces: int) -> None:
    for face in faces:
        visit.page.locator(f'[data-face="{face}"] .pick').check()


@BOTH
def test_a_cluster_is_named_where_it_stands(visited: Visit) -> None:
    visit, before = visited, visited.state()
    cluster = visit.largest(1)[0]
    field = visit.page.locator(f"#cluster-{cluster} input[name=to]")
    field.fill("Anna Example")
    field.press("Enter")
    visit.page.locator(f"#cluster-{cluster} .name", has_text="Anna Example").wait_for()
    assert "is Anna Example." in visit.note()
    assert visit.library.browse.cluster("Anna Example").id == cluster
    assert len(visit.library.people.history()) == 1
    visit.undo()
    visit.page.locator(f"#cluster-{cluster} input[name=to]").wait_for()
    assert visit.state() == before


@BOTH
def test_two_clusters_are_merged(visited: Visit) -> None:
    visit, before = visited, visited.state()
    first, second = visit.largest(2)
    faces = sum(visit.library.browse.cluster(str(cluster)).size for cluster in (first, second))
    for cluster in (first, second):
        visit.page.locator(f"#cluster-{cluster} .pick").check()
    assert visit.page.locator(".chosen").text_content() == "2 people selected"
    visit.page.get_by_role("button", name="They are one person").click()
    visit.note()
    assert second not in visit.clusters_shown()
    assert visit.library.browse.cluster(str(first)).size == faces
    visit.undo()
    assert {first, second} <= set(visit.clusters_shown())
    assert visit.state() == before


@BOTH
def test_a_cluster_is_split(visited: Visit) -> None:
    visit, before = visited, visited.state()
    cluster = visit.largest(1)[0]
    visit.go(f"/people/{cluster}?order=doubt")
    faces = [face.id for face in visit.library.browse.faces(str(cluster), "doubt").items]
    choose(visit, *faces[:2])
    visit.page.get_by_role("button", name="Split off").click()
    visit.note()
    assert visit.page.locator("[data-face]").count() == min(len(faces) - 2, 60)
    new = visit.library.people.cluster_of(faces[0])
    assert new not in (None, cluster)
    assert visit.library.people.cluster_of(faces[1]) == new
    visit.undo()
    assert visit.page.locator(f'[data-face="{faces[0]}"]').count() == 1
    assert visit.state() == before


@BOTH
def test_a_face_is_rejected(visited: Visit) -> None:
    visit, before = visited, visited.state()
    cluster = visit.largest(1)[0]
    visit.go(f"/people/{cluster}?order=doubt")
    face = visit.library.browse.faces(str(cluster), "doubt").items[0].id
    choose(visit, face)
    visit.page.get_by_role("button", name="Not this person").click()
    visit.note()
    assert visit.page.locator(f'[data-face="{face}"]').count() == 0
    assert visit.library.people.cluster_of(face) != cluster
    visit.undo()
    assert visit.page.locator(f'[data-face="{face}"]').count() == 1
    assert visit.library.people.cluster_of(face) == cluster
    assert visit.state() == before


@BOTH
def test_all_is_undone_from_the_history(visited: Visit) -> None:
    visit, before = visited, visited.state()
    first, second = visit.largest(2)
    faces = [face.id for face in visit.library.browse.faces(str(first)).items]
    visit.library.people.name(str(first), "Anna")
    visit.library.people.reject(faces[0], "Anna")
    visit.library.people.split("Anna", [faces[1:3]])
    visit.library.people.merge(["Anna", str(second)])
    visit.go("/history")
    for left in (3, 2, 1, 0):
        visit.page.locator(".history").get_by_role("button", name="Undo").click()
        visit.counted(".history li", left)
    assert visit.state() == before


@BOTH
def test_search_with_an_uploaded_photo(visited: Visit) -> None:
    visit = visited
    cluster = visit.library.people.cluster_of(visit.library.people.faces_in(visit.portrait)[0])
    visit.library.people.name(str(cluster), "Anna Example")
    visit.go("/search")
    visit.page.set_input_files("input[type=file]", visit.portrait)
    visit.page.wait_for_url("**/search/*")
    answer = visit.page.locator(".answer").first
    assert answer.get_by_role("heading").text_content() == "Anna Example (>99.9 %)."
    first = answer.locator(".matches li").first
    assert "Almost certainly the same person." in str(first.text_content())
    assert "0.00 apart" in str(first.text_content())
    shown = str(first.locator(".tile").get_attribute("href"))
    face = int(shown.rpartition("=")[2])
    assert str(visit.portrait) in visit.library.browse.photo(visit.library.browse.face(face).photo_id).photo.paths
    from playwright.sync_api import expect

    for picture in visit.page.locator(".answer .query img, .picture img").all():
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth > 0")


def test_a_picture_is_pasted_and_dropped(visited: Visit) -> None:
    visit = visited
    content = list(visit.portrait.read_bytes())
    for kind, name in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        visit.go("/search")
        visit.page.evaluate(
            """([content, kind, name]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([new Uint8Array(content)], "face.png", { type: "image/png" }));
                const Kind = kind === "paste" ? ClipboardEvent : DragEvent;
                document.body.dispatchEvent(new Kind(kind, { [name]: carried, bubbles: true, cancelable: true }));
            }""",
            [content, kind, name],
        )
        visit.page.wait_for_url("**/search/*")
        assert visit.page.locator(".matches li").count() > 5


@BOTH
def test_a_further_folder_is_indexed_and_watched(visited: Visit) -> None:
    visit, before = visited, visited.library.status()
    new = len(list(visit.more.iterdir()))
    visit.page.add_init_script(
        """document.addEventListener("page:work", ({ detail }) => {
            if (detail) sessionStorage.told = JSON.stringify(detail);
        });"""
    )
    visit.go("/index")
    visit.page.get_by_label("Add a folder").fill(str(visit.more))
    visit.page.get_by_role("button", name="Look for faces").click()
    visit.page.get_by_role("heading", name="Done").wait_for(timeout=120_000)
    assert f"{new} photos found: {new} indexed" in str(visit.page.locator(".panel.done").text_content())
    told = str(visit.page.evaluate("sessionStorage.told ?? ''"))
    assert not told or '"todo"' in told  # it may have ended within the second
    after = visit.library.status()
    assert after.photos == before.photos + new
    assert after.faces > before.faces
    visit.go("/photos")
    visit.counted(".photo", min(after.photos, 40))


def test_indexing_is_stopped_and_goes_on(visited: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    visit, before = visited, visited.library.status()
    go_on = threading.Event()
    pipeline = visit.serving.site.library.get().pipeline
    analyse = pipeline.analyse

    def slow(photos: Any) -> Any:
        go_on.wait(60)
        return analyse(photos)

    monkeypatch.setattr(pipeline, "analyse", slow)
    monkeypatch.setattr("facesearch.indexing.analysis.BATCH_PHOTOS", 1)
    monkeypatch.setattr("facesearch.indexing.analysis.READ_AHEAD", 1)
    visit.go("/index")
    visit.page.get_by_label("Add a folder").fill(str(visit.more))
    visit.page.get_by_role("button", name="Look for faces").click()
    visit.page.get_by_text("0 of 3 photos").wait_for()
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    visit.page.get_by_role("button", name="Stopping …").wait_for()
    go_on.set()
    visit.page.get_by_role("button", name="Go on").or_(visit.page.get_by_role("heading", name="Done")).wait_for()
    if visit.page.get_by_role("button", name="Go on").count():
        visit.page.get_by_role("button", name="Go on").click()
        visit.page.get_by_role("heading", name="Done").wait_for()
    assert visit.library.status().photos == before.photos + 3


def test_faces_are_clustered_from_the_page(visited: Visit) -> None:
    visit = visited
    visit.go("/index")
    visit.page.get_by_role("button", name="Cluster again").click()
    visit.page.get_by_role("heading", name="Clustered").wait_for()
    assert "2 clusters" in str(visit.page.locator(".panel.done").text_content())


@pytest.mark.parametrize("visited", ["parted"], indirect=True)
def test_review_is_answered_by_keys(visited: Visit) -> None:
    visit = visited
    for key, kind in (("n", "apart"), ("u", ""), ("y", "merge"), ("u", "")):
        if key != "u":
            visit.go("/review")
            assert visit.page.get_by_role("heading", name="The same person?").is_visible()
        visit.page.wait_for_load_state()
        visit.page.keyboard.press(key)
        visit.page.locator("#notes .note.done" if kind else "#notes .note.plain").wait_for()
        assert [decision.kind for decision in visit.library.people.history()] == ([kind] if kind else [])
    visit.page.wait_for_load_state()
    visit.page.keyboard.press("s")
    visit.page.wait_for_url("**/review?after=*")


def test_a_face_is_corrected_on_its_photo(visited: Visit) -> None:
    visit = visited
    photo = next(card for card in visit.library.browse.photos(limit=60).items if card.face_count == 2)
    face = visit.library.browse.photo(photo.id).photo.faces[0]
    visit.go(f"/photos/{photo.id}")
    visit.page.locator(f'[data-boxes] a[href="#face-{face.id}"] rect').click()
    field = visit.page.get_by_label(f"Who face {face.id} is")
    assert field.evaluate("field => field === document.activeElement")
    field.fill("Anna Example")
    field.press("Enter")
    visit.note()
    assert visit.page.locator("[data-boxes] text", has_text="Anna Example").count() == 1
    assert visit.library.browse.face(face.id).title == "Anna Example"
    visit.undo()
    assert visit.library.browse.face(face.id).title != "Anna Example"


def test_names_are_completed_while_they_are_typed(visited: Visit) -> None:
    visit = visited
    first, second = visit.largest(2)
    visit.library.people.name(str(first), "Zoë Quinn")
    visit.go(f"/people/{second}")
    visit.page.get_by_label("Name", exact=True).type("qui")
    visit.page.locator('#names option[value="Zoë Quinn"]').wait_for(state="attached")


def test_names_with_script_in_them_are_shown_as_text(visited: Visit) -> None:
    visit = visited
    cluster = visit.largest(1)[0]
    name = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    visit.page.on("dialog", lambda dialog: pytest.fail("the script ran"))
    visit.page.locator(f"#cluster-{cluster} input[name=to]").fill(name)
    visit.page.locator(f"#cluster-{cluster} input[name=to]").press("Enter")
    visit.page.locator(f"#cluster-{cluster} .name").wait_for()
    assert visit.page.locator(f"#cluster-{cluster} .name").text_content() == name
    for path in (f"/people/{cluster}", "/history", "/together", f"/photos?with={cluster}"):
        visit.go(path)
        assert name in str(visit.page.locator("body").text_content())


def test_longer_lists_are_fetched_as_they_come_into_sight(visited: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facesearch.web.finding.PHOTOS", 4)
    visit = visited
    visit.go("/photos")
    every = visit.library.status().photos
    visit.counted(".photo", 4)
    visit.page.mouse.wheel(0, 100)
    visit.counted(".photo", every)
    shown = [link.get_attribute("href") for link in visit.page.locator(".photo a").all()]
    assert len(set(shown)) == every
    assert not visit.page.get_by_role("link", name="Show more").is_visible()


def test_the_pages_work_without_script(visited: Visit, browser: Any) -> None:
    visit = visited
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(visit.serving.letting_in())
    cluster = visit.largest(1)[0]
    page.locator(f"#cluster-{cluster} input[name=to]").fill("Anna")
    page.locator(f"#cluster-{cluster} input[name=to]").press("Enter")
    page.locator("#notes .note", has_text="is Anna").wait_for()
    assert visit.library.browse.cluster("Anna").id == cluster
    page.locator("#notes").get_by_role("button", name="Undo").click()
    page.locator("#notes .note", has_text="Undone").wait_for()
    page.goto(visit.serving.address + "search")
    page.set_input_files("input[type=file]", visit.portrait)
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search/*")
    assert page.locator(".matches li").count() > 5
    context.close()


def test_another_site_can_neither_read_nor_change_anything(visited: Visit, browser: Any) -> None:
    """The cookie is there; a page of another server on this machine, which browsers count as the same site, tries."""
    import http.server
    import threading

    visit, before = visited, visited.state()
    aim = visit.serving.address
    page = f"""<!doctype html><img id=i src="{aim}pictures/face/1/96" onload="seen=1">
        <form method=post action="{aim}decide/name"><input name=cluster value=1><input name=to value=Evil></form>
        <script>var seen = 0;
        async function attempt() {{
            const read = await fetch("{aim}", {{credentials: "include"}}).then((a) => a.text(), () => "");
            await fetch("{aim}decide/name", {{method: "POST", mode: "no-cors", credentials: "include",
                body: new URLSearchParams({{cluster: 1, to: "Evil"}})}}).catch(() => 0);
            return [read, seen];
        }}</script>""".encode()

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tab = visit.page.context.new_page()
    try:
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        assert tab.evaluate("attempt()") == ["", 0]
        tab.evaluate("document.forms[0].submit()")
        tab.wait_for_url(f"{aim}decide/name")
        assert "Only this server" in str(tab.locator("body").text_content())
        assert visit.state() == before
    finally:
        tab.close()
        server.shutdown()
        server.server_close()


def test_nothing_is_asked_of_other_hosts(visited: Visit) -> None:
    visit, asked = visited, set()
    visit.page.on("request", lambda request: asked.add(re.sub(r"(://[^/]*/).*", r"\1", request.url)))
    for path in (
        "/",
        f"/people/{visit.largest(1)[0]}",
        "/review",
        "/photos",
        "/photos/1",
        "/together",
        "/search",
        "/index",
    ):
        visit.go(path)
        visit.page.wait_for_load_state("networkidle")
    assert asked == {visit.serving.address}
