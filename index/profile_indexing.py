"""Where the processor time of indexing goes, photo by photo, with the default models or others.

    python index/profile_indexing.py FOLDER [--photos 96] [--model NAME] [--detector NAME]

One thread, photos in batches as indexing takes them, without storing; networks are loaded before.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from facesearch import embedding
from facesearch.core.openvino_cpu import CompiledNetwork
from facesearch.detection import DEFAULT_DETECTOR
from facesearch.indexing.analysis import BATCH_PHOTOS
from facesearch.media import LocalFiles
from facesearch.pipeline.pipeline import Pipeline


class Clock:
    """Time of functions by name, less that of those within them that have a name too."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._inner: list[tuple[str, float]] = [("", 0.0)]

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Put a stop watch around a function of a module, class or object. "+" in a name stands for the caller's."""
        setattr(owner, attribute, self._timed(getattr(owner, attribute), name))

    def _timed(self, function: Callable[..., Any], template: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            name = template.replace("+", self._inner[-1][0])
            began = time.perf_counter()
            self._inner.append((name, 0.0))
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - began
                self.seconds[name] += took - self._inner.pop()[1]
                self.calls[name] += 1
                caller, inner = self._inner.pop()
                self._inner.append((caller, inner + took))

        return timed


def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Photos.")],
    photos: Annotated[int, typer.Option(min=1, help="How many of them.")] = 96,
    model: Annotated[str, typer.Option(help="The embedder.")] = embedding.DEFAULT_MODEL,
    detector: Annotated[str, typer.Option(help="The detector.")] = DEFAULT_DETECTOR,
) -> None:
    """Milliseconds of each step for a photo."""
    files = [photo.path for photo in LocalFiles().find([str(folder)]).photos]
    chosen = sorted(random.Random(0).sample(files, min(photos, len(files))))
    pipeline = Pipeline.load(embedding.resolve(model), "cpu", detector=detector)
    clock = Clock()
    for owner, attribute, name in (
        (pipeline, "load_photo", "decoding"),
        (pipeline, "analyse", "the rest"),
        (pipeline, "detect", "detecting"),
        (pipeline, "crops", "aligning"),
        (pipeline, "embedded", "measuring quality"),
        (pipeline.embedder, "embed_with_norms", "embedding"),
        (CompiledNetwork, "__call__", "+: networks"),
    ):
        clock.watch(owner, attribute, name)
    walk(pipeline, chosen)  # the first time, memory is got and caches are cold
    clock.seconds.clear()
    clock.calls.clear()
    faces = walk(pipeline, chosen)
    total = sum(clock.seconds.values())
    print(f"{len(chosen)} photos, {faces} faces, {1e3 * total / len(chosen):.1f} ms of one core a photo")
    for name, seconds in clock.seconds.most_common():
        each, share = 1e3 * seconds / len(chosen), 100 * seconds / total
        print(f"{name:22} {each:6.2f} ms {share:4.0f} %   {clock.calls[name] / len(chosen):6.2f} calls")


def walk(pipeline: Pipeline, paths: list[str]) -> int:
    """Read and analyse; the number of faces."""
    faces = 0
    for start in range(0, len(paths), BATCH_PHOTOS):
        some = paths[start : start + BATCH_PHOTOS]
        faces += sum(len(result.faces) for result in pipeline.analyse([LocalFiles().read(path) for path in some]))
    return faces


if __name__ == "__main__":
    typer.run(main)
