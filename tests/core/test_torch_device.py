"""One precision for the whole process, set before a network runs on a device; and copies to and from it."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from facesearch.core.torch_device import TorchDevice
from facesearch.detection.mtcnn.cascade_torch import DeviceCascade
from facesearch.detection.yunet.network_torch import DeviceNetwork
from facesearch.embedding import load_network, resolve
from train.distributed import joined


def _train() -> None:
    with joined("cpu"):
        pass


NETWORKS: dict[str, Callable[[], object]] = {
    "mtcnn": lambda: DeviceCascade("cpu"),
    "yunet": lambda: DeviceNetwork("cpu"),
    **{
        name: lambda name=name: load_network(resolve(name, "float32"), "cpu")
        for name in ("sface", "dlib", "sface+dlib")
    },
    "training": _train,
}


@pytest.fixture
def tensor_float() -> Iterator[None]:
    """PyTorch as it comes, and as a program may have set it."""
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    yield
    TorchDevice("cpu")


@pytest.mark.usefixtures("tensor_float")
@pytest.mark.parametrize("name", NETWORKS)
def test_tensor_float_is_off_once_a_network_is_loaded(name: str) -> None:
    NETWORKS[name]()
    assert not torch.backends.cuda.matmul.allow_tf32
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_read_only_and_overlapping_views_are_copied(dtype: type) -> None:
    tape = np.arange(24).astype(dtype)
    views = np.lib.stride_tricks.sliding_window_view(tape, 8)[::4]
    sent = TorchDevice("cpu").upload(views)
    expected = views.copy()
    tape[:] = 0
    assert (sent.numpy() == expected).all()
    assert sent.numpy().dtype == dtype


def test_arrays_are_stacked_on_their_way() -> None:
    rows = [np.full((2, 3), value, np.uint8) for value in range(5)]
    rows[2].flags.writeable = False
    device = TorchDevice("cpu")
    sent = device.upload_stacked(rows)
    assert (sent.numpy() == np.stack(rows)).all()
    assert (device.download(sent.float())() == np.stack(rows)).all()


def test_mtcnn_takes_what_is_read_only() -> None:
    """Tiles of its tape are views of one array; warnings are errors here."""
    crops = np.random.default_rng(0).uniform(0, 255, (3, 24, 24, 3)).astype(np.float32)
    cascade = DeviceCascade("cpu")
    expected = cascade.rnet(crops.copy())
    crops.flags.writeable = False
    for one, other in zip(cascade.rnet(crops), expected, strict=True):
        assert (one == other).all()
    assert cascade.pnet(np.broadcast_to(np.float32(9), (1, 74, 522, 3))).shape == (1, 5, 32, 256)


def test_yunet_takes_what_is_read_only() -> None:
    canvas = np.zeros((64, 64, 3), np.uint8)
    canvas.flags.writeable = False
    assert DeviceNetwork("cpu")([canvas]).shape[:2] == (1, 16)


class _Cuda:
    """What PyTorch offers of CUDA here, on the CPU: notes what was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        empty, to, copy = torch.empty, torch.Tensor.to, torch.Tensor.copy_

        def fake_empty(*args: object, pin_memory: bool, **kwargs: object) -> torch.Tensor:
            self.asked.append("pinned" if pin_memory else "not pinned")
            return empty(*args, **kwargs)  # type: ignore[call-overload]

        def fake_to(tensor: torch.Tensor, device: torch.device, non_blocking: bool) -> torch.Tensor:
            self.asked.append(f"to {device}, {non_blocking=}")
            return to(tensor, "cpu")

        def fake_copy(tensor: torch.Tensor, values: torch.Tensor, non_blocking: bool) -> torch.Tensor:
            self.asked.append(f"back, {non_blocking=}")
            return copy(tensor, values)

        class Event:
            record = staticmethod(lambda stream: self.asked.append(f"record on {stream}"))
            synchronize = staticmethod(lambda: self.asked.append("wait"))

        monkeypatch.setattr(torch, "empty", fake_empty)
        monkeypatch.setattr(torch.Tensor, "to", fake_to)
        monkeypatch.setattr(torch.Tensor, "copy_", fake_copy)
        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"the stream of {device}")


def test_cuda_copies_from_and_to_pinned_memory_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    device, cuda = TorchDevice("cuda:1"), _Cuda(monkeypatch)
    sent = device.upload(values)
    assert cuda.asked == ["pinned", "to cuda:1, non_blocking=True"]
    wait = device.download(sent)
    assert cuda.asked[2:] == ["pinned", "back, non_blocking=True", "record on the stream of cuda:1"]
    assert (wait() == values).all()
    assert cuda.asked[5:] == ["wait"]
