"""What has come of `facesearch adapt`, for people."""

import shlex

from facesearch.cli.output import shown, table
from facesearch.core.wording import plural, sentence, span
from train.adapt.run import Report

__all__ = ["tell"]


def tell(report: Report, library: str | None) -> None:
    """Print it. Args: library: as the user gave it."""
    people, faces = report.people, report.faces
    shown(
        f"Learnt from {plural(people['learn'], 'person')} ({plural(faces['learn'], 'face')}) in"
        f" {plural(report.steps, 'step')}; {people['choose']} more chose to follow {report.share:.0%} of it."
    )
    if report.left_out:
        shown(f"{plural(report.left_out, 'face')} left out: their photos are gone or have changed.")
    shown(
        f"Measured on {people['held_out']} others ({plural(faces['held_out'], 'face')}), in brackets where 95 of 100"
        " draws of these people lie:"
    )
    table(("", "before", "after", "gain"), report.rows())
    shown(f"{sentence(report.verdict)} It took {span(report.seconds)}.")
    if report.note:
        shown(sentence(report.note))
    if report.kept:
        place = f" --library {shlex.quote(library)}" if library else ""
        shown(f"Take the library over: facesearch migrate --model {shlex.quote(report.model)}{place}")
