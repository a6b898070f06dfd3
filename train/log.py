"""What a run has seen, step by step: a line a step in log.jsonl, and TensorBoard beside it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from facesearch.core.files import replace_file, sync
from train.losses import StepStatistics
from train.validation import Scores

__all__ = ["LOG", "RunLog", "read_log"]

LOG = "log.jsonl"


class RunLog:
    """Appends to a run's log; after an interruption, from the step that the run goes on with."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        path = folder / LOG
        kept = [line for line in read_log(folder) if line["step"] < first_step]
        replace_file(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._file = path.open("a", encoding="utf-8")
        self._board: Any = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step)

    def step(self, step: int, statistics: StepStatistics, **more: float) -> None:
        """A step of training, counted from 0."""
        self._write(step, asdict(statistics) | more, "train")

    def scores(self, step: int, name: str, scores: Scores) -> None:
        """A validation after so many steps: 0 is before the first one."""
        self._write(step, {f"{name}_{key}": value for key, value in scores.to_dict().items()}, "validation")

    def _write(self, step: int, values: dict[str, float], kind: str) -> None:
        self._file.write(json.dumps({"step": step, "kind": kind, **values}) + "\n")
        for key, value in values.items():
            self._board.add_scalar(f"{kind}/{key}", value, step)

    def flush(self) -> None:
        """Before a snapshot, which must not know of more than the log; also after a power cut."""
        self._file.flush()
        sync(self._file.fileno())

    def close(self) -> None:
        self._file.close()
        self._board.close()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log; one that was cut off is left out."""
    path = folder / LOG
    if not path.exists():
        return []
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
    ]
