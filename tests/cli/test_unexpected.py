"""What nobody foresaw is one line and exit code 2 too: 1 would say "different people"."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facesearch import library
from facesearch.storage import Store


def test_an_unexpected_error(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA out of\nmemory")

    monkeypatch.setattr(library, "verify", broken)
    error = command("verify", "a.jpg", "b.jpg").error
    assert "RuntimeError" in error
    assert "CUDA out of memory" in error


@pytest.mark.parametrize("arguments", [("explain", "9" * 20), ("explain", "9" * 5000), ("not-a-face", "9" * 20)])
def test_huge_face_numbers(command: Callable[..., Any], index: Store, arguments: tuple[str, str]) -> None:
    assert command(*arguments, "--library", index.folder).error


def test_forgetting_is_not_done_without_a_yes(
    command: Callable[..., Any], index: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing"
    nothing.touch()
    with nothing.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        answer = command("forget", "--all", "--library", index.folder)
    assert answer.code == 2
    assert "--yes" in answer.err
