"""Which device is used where PyTorch is not installed; where it is, see tests/embedding/test_registry.py."""

import logging
import os

import pytest

from facesearch.core import device
from facesearch.core.device import pick_device
from facesearch.core.errors import InputError


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "is_installed", lambda package: False)
    monkeypatch.setattr(device.sys, "platform", "linux")
    device._say_once.cache_clear()


def test_a_gpu_that_is_not_used_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "DRIVERS", (os.devnull,))  # the driver of some GPU is there
    assert [pick_device("auto"), pick_device("auto"), pick_device("cpu")] == ["cpu"] * 3
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("pip install 'facesearch[torch]'")


def test_nothing_is_told_without_a_gpu_or_where_the_cpu_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(device, "DRIVERS", ("/dev/there-is-no-such-device",))
    assert pick_device("auto") == "cpu"
    monkeypatch.setattr(device, "DRIVERS", (os.devnull,))
    assert pick_device("cpu") == "cpu"
    assert caplog.records == []


@pytest.mark.parametrize(("system", "machine", "told"), [("darwin", "arm64", 1), ("darwin", "x86_64", 0)])
def test_apples_gpus(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, system: str, machine: str, told: int
) -> None:
    monkeypatch.setattr(device.sys, "platform", system)
    monkeypatch.setattr(device.platform, "machine", lambda: machine)
    assert pick_device("auto") == "cpu"
    assert len(caplog.records) == told


@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_a_gpu_that_was_asked_for(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name} needs PyTorch: pip install 'facesearch\[torch\]'"):
        pick_device(name)
