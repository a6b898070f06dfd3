"""The table of speeds: what is compared with what, which goals are reached, and how docs/speed.md shows it."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEED = ROOT / "docs" / "speed.json"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("table_of_speeds", ROOT / "index" / "benchmark.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def figures() -> dict[str, Any]:
    """What the benchmarks write on a machine where everything just misses its goal, or just reaches it."""
    clustered = {"faces": 1000, "seconds": 2.0, "dbscan_extrapolated_seconds": 26.0, "peak_mb": 4000.0}
    return {
        "indexing": {
            "ways": {
                "facesearch": {"photos_per_s": 16.0},
                "facenet-pytorch": {"photos_per_s": 2.0, "sure_faces": 50, "sure_faces_ours": 49},
                "face_recognition": {"photos_per_s": 1.7},
            }
        },
        "align": {
            "ways": {
                "train align, aligned": {"images_per_s": 99.0},
                "train align, box": {"images_per_s": 101.0},
                "facenet-pytorch, one at a time, min face 20, 2 threads": {"images_per_s": 4.0},
                "facenet-pytorch, batches of 32, min face 40, 2 threads": {"images_per_s": 10.0},
                "facenet-pytorch, batches of 32, min face 40, 1 thread": {"images_per_s": 8.0},
            }
        },
        "memory": {"peak_mb": 1430},
        "rerun": {"photos_per_s_index": 20_000},
        "query": {"ours_s": 2.6, "help_s": 0.3},
        "open": {"ours_s": 0.2},
        "growth": {
            "100": {"search": {"ours_p50_ms": 1.0, "flat_p50_ms": 1.0, "recall_at_10": 1.0}},
            "1000": {"search": {"ours_p50_ms": 1.0, "flat_p50_ms": 11.9, "recall_at_10": 0.989}},
        },
        "clustering": {
            "cluster": [{**clustered, "faces": 10, "place_seconds": 9.0}, {**clustered, "place_seconds": 5.0}],
            "same_groups": [{"faces": 50, "ari": 0.9949}, {"faces": 50, "ari": 1.0}],
        },
    }


def test_what_is_reached_and_what_is_missed(benchmark: ModuleType, figures: dict[str, Any]) -> None:
    rows = {(row.what, row.against): row for row in benchmark.rows(figures)}
    missed = {what for (what, _), row in rows.items() if not row.reached}
    assert missed == {
        "indexing",
        "facenet-pytorch's faces found too",
        "aligning, aligned",
        "facesearch query, from cold",
        "one query in 1,000 faces",
        "recall@10 of that query",
        "memory of that clustering",
        "ARI to exact clusters, 50 faces",
    }
    assert rows["indexing", "facenet-pytorch"].reached
    assert not rows["indexing", "face_recognition"].reached
    assert rows["aligning, box", "facenet-pytorch, batches of 32"].ratio == pytest.approx(10.1)
    assert rows["cluster, 1,000 faces", "DBSCAN, extrapolated"].ratio == pytest.approx(13)


def test_the_table_says_what_was_missed(
    benchmark: ModuleType, figures: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark.print_table(benchmark.rows(figures))
    lines = capsys.readouterr().out.splitlines()
    assert sum("missed" in line for line in lines) == 8
    assert any(line.startswith("indexing") and "8 times (facenet-pytorch)" in line for line in lines)


def published(benchmark: ModuleType) -> list[Any]:
    """The rows that the benchmark makes of the published figures."""
    made: list[Any] = benchmark.rows(json.loads(SPEED.read_text(encoding="utf-8"))["figures"])
    return made


def test_the_published_table_follows_from_the_published_figures(benchmark: ModuleType) -> None:
    speed = json.loads(SPEED.read_text(encoding="utf-8"))
    assert speed["table"] == json.loads(json.dumps([vars(row) for row in published(benchmark)]))
    assert {"processor", "cores", "memory_gb", "system", "python"} <= speed["machine"].keys()


def test_the_page_shows_the_whole_table(benchmark: ModuleType) -> None:
    page = SPEED.with_suffix(".md").read_text(encoding="utf-8")
    (shown,) = benchmark.TABLE.findall(page)
    assert shown == benchmark.markdown_table(published(benchmark))


def test_measuring_again_puts_the_new_table_into_the_page(
    benchmark: ModuleType, figures: dict[str, Any], tmp_path: Path
) -> None:
    page = tmp_path / "speed.md"
    page.write_text(f"before\n\n{benchmark.markdown_table(published(benchmark))}\nafter\n", encoding="utf-8")
    benchmark.update_page(page, benchmark.rows(figures))
    assert page.read_text(encoding="utf-8") == f"before\n\n{benchmark.markdown_table(benchmark.rows(figures))}\nafter\n"


def test_a_missing_page_is_not_made(benchmark: ModuleType, figures: dict[str, Any], tmp_path: Path) -> None:
    benchmark.update_page(tmp_path / "speed.md", benchmark.rows(figures))
    assert not any(tmp_path.iterdir())
