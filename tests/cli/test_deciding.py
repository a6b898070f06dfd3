"""Decisions about single faces from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Answer

from facesearch import Library
from facesearch.pipeline.pipeline import Pipeline


def test_whose_a_face_is_and_that_it_is_one(
    command: Callable[..., Answer],
    demo: tuple[Path, dict[str, Any]],
    pipeline: Pipeline,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def where(face: int) -> tuple[int | None, str | None]:
        (explained,) = command("explain", face, "--json").json["faces"]
        return explained["group"], (explained["person"] or {}).get("name")

    monkeypatch.setenv("FACESEARCH_LIBRARY", str(tmp_path / "library"))
    with Library(tmp_path / "library", device="cpu") as library:
        library.__dict__["pipeline"] = pipeline
        library.index([demo[0]])
    face = command("cluster", "--json").json["clusters"][0]["faces"][0]["face"]
    before = where(face)
    assert f"Decided: face {face} is eve. Take it back" in command("assign", face, "--person", "eve").out
    assert where(face)[1] == "eve"  # as it was typed
    command("not-a-face", face)
    assert where(face)[0] is None
    command("not-a-face", face, "--off")
    command("assign", face, "--person", "eve")
    command("undo", "--steps", 4)
    assert where(face) == before
