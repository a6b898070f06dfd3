"""Low-rank adapters: they begin as nothing, change what they may, and are merged into the checkpoint."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from train_samples import job, make_people

from facesearch.core.errors import InputError
from facesearch.embedding import load_network, resolve
from facesearch.embedding.architectures import ARCHITECTURES
from train.adapters import add_adapters, merge_adapters, merged_state
from train.config import NetworkConfig
from train.keeping import BEST, LAST
from train.loop import fit
from train.starting import start

RANK = 3


@pytest.fixture
def plain() -> torch.nn.Module:
    torch.manual_seed(0)
    return ARCHITECTURES["dlib-resnet"](16).eval()


def trained(plain: torch.nn.Module) -> torch.nn.Module:
    """A copy with adapters, after two steps."""
    module = copy.deepcopy(plain)
    add_adapters(module, RANK)
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], 0.01)
    for _ in range(2):
        module(torch.randn(2, 3, 150, 150)).square().mean().backward()
        optimizer.step()
    return module


def test_they_begin_as_nothing(plain: torch.nn.Module) -> None:
    module = copy.deepcopy(plain)
    add_adapters(module, RANK)
    x = torch.randn(2, 3, 150, 150)
    torch.testing.assert_close(module(x), plain(x))


def test_only_adapters_are_trained_and_gradients_reach_them(plain: torch.nn.Module) -> None:
    module = trained(plain)
    for name, parameter in module.named_parameters():
        assert parameter.requires_grad == name.endswith((".a", ".b"))
        assert not parameter.requires_grad or torch.any(parameter.grad)
    before = plain.state_dict()
    state = module.state_dict()
    assert all(
        torch.equal(state[name.replace("weight", "parametrizations.weight.original")], value)
        for name, value in before.items()
        if name.endswith("weight")
    )


def test_merged_it_computes_the_same_with_the_plain_names(plain: torch.nn.Module) -> None:
    module = trained(plain)
    fresh = copy.deepcopy(plain)
    fresh.load_state_dict(merged_state(module))
    x = torch.randn(2, 3, 150, 150)
    torch.testing.assert_close(fresh(x), module(x))
    assert not torch.allclose(fresh(x), plain(x))
    change = fresh.state_dict()["blocks.3.conv1.weight"] - plain.state_dict()["blocks.3.conv1.weight"]
    assert torch.linalg.matrix_rank(change.flatten(1)) <= RANK
    merge_adapters(module)
    assert set(module.state_dict()) == set(plain.state_dict())
    torch.testing.assert_close(fresh(x), module(x))


def test_convolutions_by_channel_and_frozen_layers_get_none() -> None:
    module, _ = start(NetworkConfig(start="sface", freeze=("units.conv_1", "fc"), adapters=4), seed=0)
    names = {name.split(".parametrizations")[0] for name, p in module.named_parameters() if p.requires_grad}
    assert names == {f"units.conv_{i}.conv" for i in range(2, 15)}
    with pytest.raises(InputError, match="is left to adapt"):
        start(NetworkConfig(start="sface", freeze=(*names, "units.conv_1", "fc"), adapters=4), seed=0)


def test_a_run_with_adapters_leaves_a_plain_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.keeping.draw_run", lambda *_: None)
    people = make_people(tmp_path / "people")
    network = {"name": "small-cnn", "dim": 16, "adapters": 8}
    optimizer = {"lr": 3e-3, "clip_norm": 1.0, "warmup_steps": 3}
    run = {"steps": 30, "validate_every": 5}
    report = fit(job(people, tmp_path / "run", network=network, optimizer=optimizer, run=run))
    assert report is not None
    assert report.best_step > 0
    assert report.best is not None
    assert report.after["held_out"].auc == pytest.approx(report.best.auc, abs=1e-6)
    for name in (BEST, LAST):
        spec = resolve(str(tmp_path / "run" / name))
        assert load_network(spec, "cpu")(np.zeros((2, 3, 64, 64), np.float32)).shape == (2, 16)


def test_a_layer_that_is_new_is_trained_as_a_whole() -> None:
    """Random weights that only a low rank may change would spoil the embedding."""
    module, spec = start(NetworkConfig(start="dlib", dim=16, adapters=RANK), seed=0)
    assert spec.dim == 16
    learnt = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert "fc.weight" in learnt
    assert {name for name in learnt if not name.endswith((".a", ".b"))} == {"fc.weight"}
