"""Names stay as they were typed, wherever a page tells of them."""

from web_samples import Visitor


def test_a_name_keeps_its_spelling_at_the_beginning_of_a_sentence(made_up: Visitor) -> None:
    assert "Cluster 1 is anna." in made_up.decide("name", cluster="1", to="anna")
    assert "anna is ignored." in made_up.decide("ignore", cluster="anna")
    made_up.decide("name", cluster="2", to="ben")
    assert "ben and cluster 3 are two people." in made_up.decide("apart", cluster="ben", to="cluster:3")
    assert "Ben" not in made_up.decide("divide", cluster="ben")
    photo = made_up.library.browse.faces("2", "oldest").items[0].photo_id
    for page in ("/", "/?show=ignored", "/history", "/people/2", f"/photos/{photo}"):
        text = made_up.get(page).text
        assert "ben" in text or "anna" in text, page
        assert "Ben" not in text, page
        assert "Anna" not in text, page
