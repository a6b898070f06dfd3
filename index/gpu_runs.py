"""What benchmark_gpu.py measures, each run in a process of its own: gpu_runs.py REQUEST ANSWER, two JSON files."""

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, this folder's parent is the checkout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facesearch.pipeline.pipeline import Pipeline

__all__ = [
    "Figures",
    "alone",
    "clusters",
    "embed",
    "facenet_pytorch",
    "faces_of",
    "index",
    "near",
    "profiled",
    "training",
]

Figures = dict[str, Any]
MODEL, DETECTOR = "sface+dlib", "yunet"
# The rate in steady state is that between these shares of the photos.
STEADY = (0.3, 0.95)
LEAST_STORED = 8  # batches between them; with fewer the rate is that of the whole run
EMBED_ROUNDS = 5
NEAREST, QUERIES = 16, 1000
NVIDIA_SMI = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "200"]


def pipeline_on(device: str, precision: str = "float32") -> "Pipeline":
    """The default detector and model through PyTorch, on the CPU, too, where facesearch itself takes OpenVINO."""
    from facesearch.core.settings import DetectionConfig
    from facesearch.detection import load
    from facesearch.detection.upright import Upright
    from facesearch.detection.yunet.network_torch import DeviceNetwork
    from facesearch.embedding import NetworkEmbedder, load_network, resolve
    from facesearch.embedding.embedder import GPU_BATCH_SIZE
    from facesearch.pipeline.pipeline import Pipeline

    config = DetectionConfig()
    embedder = NetworkEmbedder(load_network(resolve(MODEL, precision), device), GPU_BATCH_SIZE)
    detector = load(DETECTOR, config, device)
    if device == "cpu":
        assert isinstance(detector, Upright)
        detector.detector._network = DeviceNetwork(device)  # type: ignore[attr-defined]
    return Pipeline(embedder, detector, detection=config, device=device)


def faces_of(paths: list[str], device: str, through: str, to: str) -> Figures:
    """All faces of some photos, into the .npz file `to`. Args: through: "pytorch", or "facesearch" as users run it."""
    from facesearch.embedding import resolve
    from facesearch.media import LocalFiles
    from facesearch.pipeline.pipeline import Pipeline

    as_users = through == "facesearch"
    pipeline = Pipeline.load(resolve(MODEL, "float32"), device, detector=DETECTOR) if as_users else pipeline_on(device)
    source = LocalFiles()
    results = [
        result
        for start in range(0, len(paths), 16)
        for result in pipeline.analyse([source.read(path) for path in paths[start : start + 16]])
    ]
    faces = [(number, face) for number, result in enumerate(results) for face in result.faces]
    np.savez(
        to,
        photos=[number for number, _ in faces],
        boxes=[face.box for _, face in faces],
        landmarks=[face.landmarks for _, face in faces],
        embeddings=[face.embedding for _, face in faces],
    )
    return {"faces": len(faces)}


def index(paths: list[str], device: str, workers: int | None) -> Figures:
    """`facesearch index` into an empty library, with the defaults of the device."""
    from facesearch.library import Library

    began = time.perf_counter()
    stored: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as folder, Library(folder, device=device) as library, busy(device) as shares:
        report = library.index(
            paths,
            progress=lambda progress: stored.append((time.perf_counter() - began, progress.done)),
            workers=workers,
        )
        model = library.spec
    first = next(when for when, done in stored if done)
    inner = [(when, done) for when, done in stored if STEADY[0] * len(paths) <= done <= STEADY[1] * len(paths)]
    (start, before), (end, after) = (inner[0], inner[-1]) if len(inner) >= LEAST_STORED else (stored[0], stored[-1])
    rate = (after - before) / (end - start)
    whole = report.indexed / (stored[-1][0] or 1)
    share = statistics.mean(shares) if shares else None
    return {
        "precision": model.precision,
        "first_batch_s": first,
        "photos_per_s": rate,
        "whole_photos_per_s": whole,
        "faces_per_s": rate * report.faces / max(report.indexed, 1),
        "busy": share,
    }


@contextmanager
def busy(device: str) -> "Iterator[list[float]]":
    """Shares of time in which kernels ran on the card, five times a second while the block runs; none elsewhere."""
    shares: list[float] = []
    try:
        process = subprocess.Popen(NVIDIA_SMI, stdout=subprocess.PIPE, text=True) if device != "cpu" else None
    except OSError:
        process = None
    if process is None:
        yield shares
        return
    assert process.stdout is not None
    lines = process.stdout
    threading.Thread(target=lambda: shares.extend(float(line) / 100 for line in lines), daemon=True).start()
    try:
        yield shares
    finally:
        process.terminate()
        process.wait()


def profiled(paths: list[str], device: str) -> Figures:
    """One thread that analyses batches of photos: how much of its time kernels run, by PyTorch's profiler."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    from facesearch.media import LocalFiles

    pipeline, source = pipeline_on(device), LocalFiles()
    batches = [[source.read(path) for path in paths[first : first + 16]] for first in range(0, len(paths), 16)]
    pipeline.analyse(batches[0])
    is_cuda = device.startswith("cuda")
    began = time.perf_counter()
    with profile(activities=[ProfilerActivity.CUDA if is_cuda else ProfilerActivity.CPU]) as profiler:
        faces = sum(len(result.faces) for batch in batches for result in pipeline.analyse(batch))
        if is_cuda:
            torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    of_kernels = sum(e.self_device_time_total if is_cuda else e.self_cpu_time_total for e in profiler.key_averages())
    return {
        "photos_per_s": len(paths) / seconds,
        "faces_per_s": faces / seconds,
        "kernels_share": of_kernels / 1e6 / seconds,
        "kernels_ms_per_photo": of_kernels / 1e3 / len(paths),
    }


def facenet_pytorch(paths: list[str], device: str) -> Figures:
    """facenet-pytorch's README on the device, photo by photo; weights are random, which takes the same time."""
    import torch
    from facenet_pytorch import MTCNN, InceptionResnetV1
    from PIL import Image

    mtcnn, network = MTCNN(keep_all=True, device=device), InceptionResnetV1(pretrained=None).eval().to(device)

    def look(some: Sequence[str]) -> int:
        faces = 0
        with torch.inference_mode():
            for path in some:
                image = Image.open(path).convert("RGB")
                boxes, _ = mtcnn.detect(image)
                if boxes is not None:
                    faces += len(network(mtcnn.extract(image, boxes, None).to(device)).cpu())
        return faces

    look(paths[:4])
    began = time.perf_counter()
    faces = look(paths)
    seconds = time.perf_counter() - began
    return {"photos_per_s": len(paths) / seconds, "faces_per_s": faces / seconds}


def embed(device: str, precision: str, count: int) -> Figures:
    """Crops in memory -> embeddings, and the bare network on normalised images that are on the device."""
    import torch

    from facesearch.embedding import NetworkEmbedder, load_module, load_network, resolve
    from facesearch.embedding.embedder import GPU_BATCH_SIZE
    from facesearch.embedding.torch_network import in_float16

    spec = resolve(MODEL, precision, device)
    pre = spec.preprocessing
    images_each = 2 if pre.mirror else 1
    batch = min(GPU_BATCH_SIZE, count * images_each)
    generator = np.random.default_rng(0)
    crops = [generator.integers(0, 256, (*pre.size, 3), dtype=np.uint8) for _ in range(count)]
    began = time.perf_counter()
    embedder = NetworkEmbedder(load_network(spec, device), GPU_BATCH_SIZE)
    embedder.embed(crops[:GPU_BATCH_SIZE])
    start = time.perf_counter() - began

    module = load_module(spec).eval().requires_grad_(False)
    if spec.is_float16:
        in_float16(module)
    module.to(device).to(memory_format=torch.channels_last)
    images = torch.rand(batch, 3, *pre.size, device=device).to(memory_format=torch.channels_last)
    batches = count * images_each // batch

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(batches):
                module(images)
            if device.startswith("cuda"):
                torch.cuda.synchronize()

    bare()
    ours = [_seconds(lambda: embedder.embed(crops)) for _ in range(EMBED_ROUNDS)]
    alone = [_seconds(bare) for _ in range(EMBED_ROUNDS)]
    faces_per_s = count / statistics.median(ours)
    bare_images = batches * batch / statistics.median(alone)
    return {
        "precision": spec.precision,
        "start_s": start,
        "faces_per_s": faces_per_s,
        "images_per_s": faces_per_s * images_each,
        "bare_images_per_s": bare_images,
        "share_of_bare": faces_per_s * images_each / bare_images,
    }


def near(device: str, count: int) -> Figures:
    """Nearest neighbours of all among all, and of a sample by FAISS."""
    import faiss
    from synthetic import synthetic_faces

    from facesearch.core.torch_neighbours import TorchNeighbours

    vectors, _ = synthetic_faces(count)
    k = min(NEAREST + 1, count)  # each is its own nearest
    TorchNeighbours(device, vectors[:1000]).nearest(min(k, 1000))
    began = time.perf_counter()
    ids, _ = TorchNeighbours(device, vectors).nearest(k)
    seconds = time.perf_counter() - began
    flat = faiss.IndexFlatL2(vectors.shape[1])
    flat.add(vectors)
    some = np.linspace(0, count - 1, min(QUERIES, count)).astype(np.int64)
    sampled = _seconds(lambda: flat.search(vectors[some], k))
    true = flat.search(vectors[some], k)[1]
    found = np.mean([len(set(a) & set(b)) / k for a, b in zip(ids[some].tolist(), true.tolist(), strict=True)])
    flat_s = sampled * count / len(some)
    return {"faces": count, "seconds": seconds, "flat_extrapolated_s": flat_s, "recall": float(found)}


def clusters(device: str, count: int, to: str) -> Figures:
    """Clusters of made-up faces, without reading and writing them; labels into the .npy file `to`."""
    from synthetic import synthetic_faces

    from facesearch.calibration import load_calibration
    from facesearch.clustering import Faces, cluster_faces
    from facesearch.embedding import resolve

    vectors, _ = synthetic_faces(count)
    faces, calibration = Faces(vectors, np.arange(count), np.zeros(count)), load_calibration(resolve(MODEL))
    began = time.perf_counter()
    labels = cluster_faces(faces, calibration, device=device)
    seconds = time.perf_counter() - began
    np.save(to, labels)
    return {"faces": count, "seconds": seconds}


def training(crops: str, device: str, steps: int) -> Figures:
    """Training beside a plain loop: Inception-ResNet-v1 in batches of 256 on a card, a small network on CPUs."""
    from train.config import read_recipe
    from train.speed import compare

    recipe = read_recipe("casia", ("batch.people=64",)) if device.startswith("cuda") else read_recipe("smoke", ())
    return compare(Path(crops), recipe, device, steps, rounds=1)


def _seconds(function: Callable[[], object]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


RUNS: dict[str, Callable[..., Figures]] = {
    run.__name__: run for run in (faces_of, index, profiled, facenet_pytorch, embed, near, clusters, training)
}


def alone(run: Callable[..., Figures], *arguments: Any) -> Figures:
    """In a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        request, answer = Path(folder, "request.json"), Path(folder, "answer.json")
        request.write_text(json.dumps([run.__name__, arguments]))
        subprocess.run([sys.executable, __file__, str(request), str(answer)], check=True)
        figures: Figures = json.loads(answer.read_text())
    return figures


if __name__ == "__main__":
    name, arguments = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[2]).write_text(json.dumps(RUNS[name](*arguments), default=float))
