"""OpenVINO beside PyTorch, and what it may not do."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from facesearch import embedding
from facesearch.core.openvino_cpu import CompiledNetwork, graph_input, openvino
from facesearch.embedding import NetworkEmbedder
from facesearch.embedding.compiled import CompiledEmbedder
from facesearch.embedding.dlib_graph import dlib_body
from facesearch.embedding.dlib_resnet import DlibResNet

Crops = list[np.ndarray]


@pytest.fixture(scope="module")
def crops() -> Crops:
    return list(np.random.default_rng(0).integers(0, 256, (7, 150, 150, 3), np.uint8))


@pytest.fixture(scope="module")
def dlib() -> CompiledEmbedder:
    embedder = embedding.load_embedder(embedding.resolve("dlib", "float32"), "cpu")
    assert isinstance(embedder, CompiledEmbedder)
    return embedder


@pytest.mark.parametrize("name", ["dlib", "sface", "sface+dlib"])
def test_a_model_is_what_pytorch_makes_of_it(name: str) -> None:
    spec = embedding.resolve(name, "float32")
    crops = list(np.random.default_rng(0).integers(0, 256, (5, *spec.preprocessing.size, 3), np.uint8))
    expected = NetworkEmbedder(embedding.load_network(spec, "cpu")).embed(crops)
    assert np.abs(embedding.load_embedder(spec, "cpu").embed(crops) - expected).max() < 1e-5


@pytest.mark.parametrize(("dim", "height", "width"), [(128, 150, 150), (64, 160, 131)])
def test_new_weights_and_other_sizes(dim: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    module = DlibResNet(dim).eval()
    batch = np.random.default_rng(1).normal(size=(3, 3, height, width)).astype(np.float32)
    with torch.inference_mode():
        expected = module(torch.from_numpy(batch)).numpy()
    op, x = graph_input([2, 3, height, width])
    (found,) = CompiledNetwork(openvino().Model([dlib_body(module.weights())(op, x)], [x], "dlib"))(batch)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_company_changes_no_bit(dlib: CompiledEmbedder, crops: Crops) -> None:
    together = dlib.embed(crops)
    assert (together == np.concatenate([dlib.embed([crop]) for crop in crops])).all()
    assert (together[::-1] == dlib.embed(crops[::-1])).all()


def test_threads_change_no_bit(dlib: CompiledEmbedder, crops: Crops) -> None:
    expected = dlib.embed(crops)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(dlib.embed, [crops] * 8):
            assert (found == expected).all()


def test_nothing_reports_its_use(tmp_path: Path):
    """openvino comes with a package that writes into the home folder and reports; it is never imported."""
    program = (
        "import sys, numpy\n"
        "from facesearch.detection import load\n"
        "load().detect([numpy.zeros((60, 60, 3), numpy.uint8)], [20])\n"
        "assert 'openvino' in sys.modules\n"
        "print([name for name, module in sys.modules.items() if 'openvino_telemetry' in name and module])\n"
    )
    surroundings = {**os.environ, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert list(tmp_path.iterdir()) == []


def test_a_signal_is_survived_after_a_network_was_dropped_by_another_thread() -> None:
    """OpenVINO's stack for signals must not go with the last network (a segmentation fault at the next Ctrl-C)."""
    code = (
        "import gc, os, signal, threading\n"
        "from facesearch.detection.mtcnn.cascade import CpuCascade\n"
        "held = [CpuCascade()]\n"
        "thread = threading.Thread(target=lambda: (held.clear(), gc.collect())); thread.start(); thread.join()\n"
        "signal.signal(signal.SIGINT, lambda *_: print('handled'))\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "handled\n"), ended.stderr
