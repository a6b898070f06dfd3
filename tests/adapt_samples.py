"""A library of made-up people with names, whose model is a small network that knows nothing yet."""

from pathlib import Path

from fakes import FakeDetector
from PIL import Image
from train_samples import make_people

from facesearch.embedding import NetworkEmbedder, checkpoint, load_network, resolve
from facesearch.indexing.indexer import index_photos
from facesearch.people import People
from facesearch.pipeline.pipeline import Pipeline
from facesearch.storage import Store
from train.config import NetworkConfig
from train.starting import start

__all__ = ["RECIPE", "named_library"]

# A recipe of seconds, for a network that begins with random weights.
RECIPE = ("data.workers=0", "loss.hold=0.0", "optimizer.lr=5e-4", "batch.people=6", "batch.images=4")
SIDE = 240


def named_library(folder: Path, people: int, images: int, *, named: int | None = None) -> Path:
    """The library's folder; of each person a folder of photos with one face, all confirmed, of `named` of them."""
    photos = make_people(folder / "photos", people, images)
    for path in photos.rglob("*.png"):  # faces as large as good ones are
        Image.open(path).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
    module, spec = start(NetworkConfig(name="small-cnn", dim=16), seed=1)
    checkpoint.save(folder / "untrained.safetensors", module.state_dict(), spec, {})
    model = resolve(str(folder / "untrained.safetensors"))
    pipeline = Pipeline(NetworkEmbedder(load_network(model, "cpu")), FakeDetector())
    store = Store.create(folder / "library", model, detector=FakeDetector.spec)
    try:
        index_photos(store, lambda: pipeline, [str(photos)])
        known = store.known_paths()
        for place in sorted(photos.iterdir())[:named]:
            ids = [known[str(path)].photo_id for path in sorted(place.iterdir())]
            faces = [face.id for some in store.faces_of_photos(ids).values() for face in some]
            People(store, lambda: None).import_name(place.name, faces)
    finally:
        store.close()
    return folder / "library"
