"""What a process does whose system calls are watched; after each step it says on stdout what is done."""

import sys
from pathlib import Path

from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork

from facesearch import embedding
from facesearch.calibration import load_calibration, write_library_calibration
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing import indexer
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store


def main(folder: Path) -> None:
    indexer.BATCH_PHOTOS = 2
    for number in range(6):
        Picture.save(folder / f"photos/{number}.png", str(number))
    say("begun")
    Store.create(folder / "new/library", FAKE_SPEC).close()
    with Library(folder / "new/library") as library:
        library.__dict__["pipeline"] = Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())
        say("created")
        library.index([folder / "photos"], progress=lambda state: say(f"{state.done} photos"))
        library.cluster(eps=2.1)
        say("clustered")
        for name in ("Anna", "Berta", "Carla"):
            library.people.name("1", name)
            say(name)
        published = load_calibration(embedding.resolve("dlib"))
        assert published is not None
        write_library_calibration(library.folder, published)
        say("calibrated")
        library.remove([folder / "photos/0.png"])
        say("removed")


def say(what: str) -> None:
    print(f"done: {what}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
