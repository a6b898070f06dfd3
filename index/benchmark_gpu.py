"""What a GPU brings: indexing, embedding, neighbours and training there, each beside what people would use instead.

    python index/benchmark_gpu.py PHOTOS [--device cuda] [--parts same,embed,near,index] [--photos 4000] [--out FILE]

It runs anywhere: with `--device cpu` everything goes the same way, through PyTorch on the CPU, and shows that it works,
not how fast a GPU is. Start-up is told apart from steady state, and images from faces (of a mirrored face the network
sees two images). Each run is a process of its own. The parts:

- same: faces of two runs on the device and of one on the CPU, all in float32: equal bits, pixels, distances;
- index: `facesearch index` on the device and on the CPU, with as many worker processes as it chooses, and
  facenet-pytorch on the device; how busy the card is, by nvidia-smi while it runs, and by the profiler for one thread;
- embed: crops in memory -> embeddings, beside the bare network on images that are on the device already;
- near: the nearest of each of many made-up faces among all of them, beside FAISS's flat index on a sample of the
  queries; and clusters of these faces on the device and on the CPU;
- train: steps of training beside a plain PyTorch loop, on the crops that `--train-on` names (see train/speed.py).

Where there are fewer photos than are asked for, copies with other bytes behind the picture's end stand in for the rest.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from gpu_runs import Figures, alone, clusters, embed, facenet_pytorch, faces_of, index, near, profiled, training

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a file, this folder's parent is the checkout

SAME_PHOTOS, PROFILED, PEER_PHOTOS = 200, 128, 200


# -- the parts -----------------------------------------------------------------------------------------------------


def same(paths: list[str], device: str) -> Figures:
    """Two runs on the device beside each other, and one of them beside the CPU as users run it."""
    some = paths[:SAME_PHOTOS]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("first.npz", "second.npz", "cpu.npz")]
        alone(faces_of, some, device, "pytorch", files[0])
        alone(faces_of, some, device, "pytorch", files[1])
        alone(faces_of, some, "cpu", "facesearch", files[2])
        first, second, cpu = (dict(np.load(file)) for file in files)
    equal = all(np.array_equal(first[name], second[name]) for name in first)
    figures: Figures = {"photos": len(some), "faces": len(first["photos"]), "faces_on_cpu": len(cpu["photos"])}
    figures |= {"two_runs_equal_bits": equal, "same_faces": np.array_equal(first["photos"], cpu["photos"])}
    if figures["same_faces"]:
        figures |= {
            "boxes_px": float(np.abs(first["boxes"] - cpu["boxes"]).max(initial=0)),
            "landmarks_px": float(np.abs(first["landmarks"] - cpu["landmarks"]).max(initial=0)),
            "embeddings_l2": float(np.linalg.norm(first["embeddings"] - cpu["embeddings"], axis=1).max(initial=0)),
        }
    return figures


def indexing(paths: list[str], device: str, workers: int | None) -> Figures:
    """`facesearch index` on both, and facenet-pytorch; ratios in steady state."""
    ours, cpu = alone(index, paths, device, workers), alone(index, paths, "cpu", None)
    peer = alone(facenet_pytorch, paths[:PEER_PHOTOS], device)
    return {
        "photos": len(paths),
        device: ours,
        "cpu, as users run it": cpu,
        "facenet-pytorch": peer,
        "one thread, profiled": alone(profiled, paths[:PROFILED], device),
        "ratio_to_cpu": ours["photos_per_s"] / cpu["photos_per_s"],
        "ratio_to_facenet_pytorch": ours["photos_per_s"] / peer["photos_per_s"],
    }


def embedding(device: str, count: int) -> Figures:
    precisions = ["float32"] + ["float16"] * (device != "cpu")
    return {precision: alone(embed, device, precision, count) for precision in precisions}


def neighbours(device: str, count: int) -> Figures:
    """Neighbours; and clusters on the device beside those of the CPU."""
    from sklearn.metrics import adjusted_rand_score

    figures: Figures = {"nearest": alone(near, device, count)}
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder, f"{number}.npy")) for number in range(2)]
        figures["clusters"], figures["clusters on the CPU"] = (
            alone(clusters, where, count, file) for where, file in zip((device, "cpu"), files, strict=True)
        )
        figures["ari"] = float(adjusted_rand_score(*(np.load(file) for file in files)))
    return figures


def enough(folder: Path, count: int, scratch: Path) -> list[str]:
    """So many photos; where the folder has fewer, copies whose bytes differ behind the picture's end."""
    from facesearch.media import find_photos

    found = [photo.path for photo in find_photos([folder]).photos]
    if not found:
        raise typer.BadParameter(f"{folder} has no photos")
    paths = found[:count]
    for number, path in enumerate(islice(cycle(found), max(count - len(found), 0))):
        copy = scratch / f"{number:06}{Path(path).suffix}"
        copy.write_bytes(Path(path).read_bytes() + number.to_bytes(8, "big"))
        paths.append(str(copy))
    return paths


def main(
    photos: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A folder with photos.")],
    device: Annotated[str, typer.Option(help="cuda, cuda:1, or cpu to try it out.")] = "cuda",
    parts: Annotated[str, typer.Option(help="Which parts, in this order.")] = "same,embed,near,index",
    count: Annotated[int, typer.Option("--photos", min=4, help="Photos that are indexed.")] = 4000,
    workers: Annotated[int | None, typer.Option(min=1, help="As `facesearch index --workers`.")] = None,
    crops: Annotated[int, typer.Option(min=1, help="Crops that are embedded.")] = 4096,
    faces: Annotated[int, typer.Option(min=2, help="Made-up faces whose neighbours are looked for.")] = 1_000_000,
    train_on: Annotated[Path | None, typer.Option(help="Crops, as `python -m train align` makes them.")] = None,
    steps: Annotated[int, typer.Option(min=4, help="Of training.")] = 60,
    out: Annotated[Path | None, typer.Option(help="Write the figures there as JSON.")] = None,
) -> None:
    """Measure the parts and print their figures."""
    figures: Figures = {"machine": machine(device)}
    with tempfile.TemporaryDirectory() as scratch:
        paths = enough(photos, count, Path(scratch))
        measures: dict[str, Callable[[], Figures]] = {
            "same": lambda: same(paths, device),
            "embed": lambda: embedding(device, crops),
            "near": lambda: neighbours(device, faces),
            "index": lambda: indexing(paths, device, workers),
            "train": lambda: alone(training, str(train_on), device, steps),
        }
        for part in parts.split(","):
            if part not in measures:
                raise typer.BadParameter(f"there is no part {part!r}: use {', '.join(measures)}")
        if "train" in parts.split(",") and train_on is None:
            raise typer.BadParameter("the part train needs --train-on CROPS")
        for part in parts.split(","):
            figures[part] = measures[part]()
            print(f"-- {part}\n{json.dumps(figures[part], indent=2)}", flush=True)
            if out is not None:
                out.write_text(json.dumps(figures, indent=2) + "\n")


def machine(device: str) -> Figures:
    """What it was measured on."""
    import torch

    card = torch.cuda.get_device_name(device) if device.startswith("cuda") else "none"
    return {"cores": os.cpu_count(), "card": card, "torch": torch.__version__, "device": device}


if __name__ == "__main__":
    typer.run(main)
