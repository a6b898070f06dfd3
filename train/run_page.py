"""One page for a run: what it has come to, its pictures, its recipe, data and machine; opens without a server."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from facesearch.core.files import replace_file
from train.report import Report

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"
PICTURES = ("curves.png", "roc_held_out.png", "distances_held_out.png", "roc_lfw.png", "distances_lfw.png")
STYLE = (
    "body{font-family:sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;line-height:1.5}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
    "img{max-width:100%}pre{background:#f4f4f4;padding:1rem;overflow-x:auto}"
)


def write_page(folder: Path, report: Report) -> None:
    """Write the page of a finished run into its folder, beside the pictures that it shows."""
    title = f"Training run {folder.resolve().name}"
    data = [(name, json.dumps(value)) for name, value in report.data.items()]
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in [*report.verdict(), report.speed()]),
        "<h2>Before and after</h2>",
        _table(("data", "figure", "before", "after"), report.rows()),
        *(f'<p><img src="{name}" alt="{name}"></p>' for name in PICTURES if (folder / name).exists()),
        "<h2>Data</h2>",
        _table(("", ""), data),
        "<h2>Machine</h2>",
        _table(("", ""), report.environment.items()),
        "<h2>Recipe</h2>",
        f"<pre>{escape(json.dumps(report.recipe, indent=2))}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    replace_file(folder / PAGE, page.encode())


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
