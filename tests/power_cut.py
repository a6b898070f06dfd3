"""What a process does whose system calls are watched; after each step it says on stdout what is done."""

import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from unittest.mock import patch

from conftest import Picture
from fakes import FAKE_SPEC, FakeDetector, FakeNetwork
from web_samples import visiting

from facesearch import embedding
from facesearch.calibration import load_calibration, write_library_calibration
from facesearch.cli.app import app
from facesearch.embedding import NetworkEmbedder
from facesearch.indexing import analysis
from facesearch.library import Library
from facesearch.pipeline.pipeline import Pipeline
from facesearch.sharing.xmp import Region, read_frame, write_sidecar
from facesearch.storage import Store
from facesearch.web.current_library import CurrentLibrary


def main(folder: Path) -> None:
    analysis.BATCH_PHOTOS = 2
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
    with patch.object(Library, "pipeline", Pipeline(NetworkEmbedder(FakeNetwork()), FakeDetector())):
        from_the_command_line(folder)
        from_the_pages(folder)


def from_the_command_line(folder: Path) -> None:
    """Each command opens and closes the library."""
    more = [Picture.save(folder / f"more/{number}.png", str(number)) for number in (7, 9)]
    write_sidecar(folder / "more/7.png.xmp", [Region("Dora", (8, 8, 56, 56))], read_frame(more[0]))
    for command in (
        *(("index", str(folder / "more")), ("cluster", "--eps", "0.0001", "--min-samples", "1")),
        *(("import-names",), ("name", "3", "Erna"), ("merge", "2", "3"), ("undo",)),
        *(("forget", "Erna", "--yes"), ("remove", str(folder / "photos/2.png"))),
    ):
        with redirect_stdout(StringIO()):
            app([*command, "--library", str(folder / "new/library")], standalone_mode=False)
        say(f"command {command[0]}")


def from_the_pages(folder: Path) -> None:
    """The server keeps the library open."""
    current = CurrentLibrary(folder / "new/library")
    try:
        user = visiting(current)
        first, second, *_ = (str(one.id) for one in user.library.people.with_faces())
        forms = {"name": {"cluster": first, "to": "Gina"}, "merge": {"cluster": [first, second]}, "undo": {}}
        for what, form in forms.items():
            user.decide(what, **form)
            say(f"page {what}")
        Picture.save(folder / "more/8.png", "8")
        user.post("/index", {"path": str(folder / "more")})
        assert user.site.jobs.wait(60)
        assert str(folder / "more/8.png") in user.library.store.known_paths()
        say("page index")
    finally:
        current.close()


def say(what: str) -> None:
    print(f"done: {what}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
