"""What a form sends to search with is in memory only."""

from pathlib import Path

import pytest
from PIL import Image
from web_samples import Visitor


def test_a_picture_to_search_with_never_reaches_the_disk(
    visit: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor a larger one than Starlette keeps in memory; so a server that is killed leaves nothing of it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "where nothing can be written"))
    large = tmp_path / "large.bmp"
    Image.new("RGB", (900, 900)).save(large)
    assert large.stat().st_size > 2 << 20
    answer = visit.post("/search", files={"picture": ("x", large.read_bytes(), "image/bmp")})
    assert "No face was found in the picture" in visit.get(answer.headers["location"]).text


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_that_is_none_is_refused(made_up: Visitor, content_type: str) -> None:
    answer = made_up.post("/search", content=b"nothing of a form", headers={"content-type": content_type})
    assert answer.status_code in (303, 400)
