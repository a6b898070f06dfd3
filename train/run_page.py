"""One page for a run: what it has come to, its pictures, its recipe, data and machine; one file, without a server."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from facesearch.core.files import replace_file
from train.log import read_log
from train.report import Report

__all__ = ["PAGE", "write_page"]

PAGE = "index.html"
PICTURES = {
    "curves.png": "Losses, mined triplets, distances and validations over the steps",
    "roc_held_out.png": "ROC and DET on the people kept out of training",
    "distances_held_out.png": "Distances of the people kept out of training",
    "roc_lfw.png": "ROC and DET on LFW",
    "distances_lfw.png": "Distances on LFW",
}
STYLE = (
    "body{font-family:sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;line-height:1.5}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}"
    "img{max-width:100%}pre{background:#f4f4f4;padding:1rem;overflow-x:auto}"
)


def write_page(folder: Path, report: Report) -> None:
    """Write the page of a finished run into its folder; it holds the pictures that are there."""
    title = f"Training run {folder.resolve().name}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(line)}</p>" for line in [*report.verdict(), report.speed()]),
        "<h2>Before and after</h2>",
        _table(("data", "figure", "before", "after"), report.rows()),
        *(_picture(folder / name, what) for name, what in PICTURES.items() if (folder / name).exists()),
        "<h2>Validations</h2>",
        _validations(folder),
        "<h2>Data</h2>",
        _table(("", ""), [(name, json.dumps(value)) for name, value in report.data.items()]),
        "<h2>Machine and times</h2>",
        _table(("", ""), [*report.environment.items(), *report.times()]),
        f"<h2>Recipe (seed {report.recipe['run']['seed']})</h2>",
        f"<pre>{escape(json.dumps(report.recipe, indent=2))}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    replace_file(folder / PAGE, page.encode())


def _picture(path: Path, what: str) -> str:
    image = base64.b64encode(path.read_bytes()).decode()
    return f'<p><img src="data:image/png;base64,{image}" alt="{escape(what)}"></p>'


def _validations(folder: Path) -> str:
    """A row for each step after which something was measured: 0 is the start."""
    rows: dict[int, dict[str, float]] = {}
    for line in read_log(folder):
        if line["kind"] == "validation":
            rows.setdefault(line["step"], {}).update(line)
    columns = {
        f"{data}_{key}": f"{name}, {label}"
        for data, name in (("held_out", "held-out people"), ("lfw", "LFW"))
        for key, label in (("auc", "AUC"), ("tar", "TAR at FAR 1e-3"), ("accuracy", "accuracy"))
        if any(f"{data}_{key}" in row for row in rows.values())
    }
    cells = [(f"{step:,}", *(_figure(row, key) for key in columns)) for step, row in sorted(rows.items())]
    return _table(("step", *columns.values()), cells)


def _figure(row: dict[str, float], key: str) -> str:
    return f"{row[key]:.4f}" if key in row else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
