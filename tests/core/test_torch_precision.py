"""PyTorch computes in full float32 as soon as there is a network on a device, and whatever other threads do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from facesearch.detection.mtcnn.cascade_torch import DeviceCascade
from facesearch.detection.yunet.network_torch import DeviceNetwork
from facesearch.embedding import resolve
from facesearch.embedding.torch_network import TorchNetwork

ROOT = Path(__file__).resolve().parents[2]
WORDS = ("allow_tf32", "cudnn.flags", "matmul_precision", "reduced_precision")


@pytest.fixture(autouse=True)
def _tf32() -> Iterator[None]:
    """As PyTorch begins, and afterwards as it was."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = True
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = convolutions, products


@pytest.mark.parametrize(
    "make",
    [
        lambda: DeviceCascade("cpu"),
        lambda: DeviceNetwork("cpu"),
        lambda: TorchNetwork(torch.nn.Identity(), resolve("sface"), "cpu"),
    ],
    ids=["mtcnn", "yunet", "embedder"],
)
def test_every_network_turns_tensor_float_off(make: Callable[[], object]) -> None:
    make()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction


def test_nobody_turns_it_on_again_or_for_a_while() -> None:
    """The switches are the process's: around a call in one thread they change what another thread computes."""
    allowed = {"facesearch/core/torch_precision.py"}
    files = [path for folder in ("facesearch", "train") for path in (ROOT / folder).rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(word in path.read_text(encoding="utf-8") for word in WORDS)
    }
    assert found == allowed


def test_pixels_that_must_not_be_written_to() -> None:
    """PyTorch would warn, and warnings are errors here."""
    pixels = np.full((2, 24, 24, 3), 90, np.float32)
    expected = DeviceCascade("cpu").rnet(pixels)[1]
    pixels.flags.writeable = False
    np.testing.assert_array_equal(DeviceCascade("cpu").rnet(pixels)[1], expected)
