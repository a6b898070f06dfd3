"""What a run begins with, and that a batch is normalised as the product does it."""

import numpy as np
import pytest
import torch
from torch import nn
from train_samples import recipe

from facesearch.core.errors import InputError, ModelError
from facesearch.core.settings import ModelSpec, Preprocessing
from facesearch.embedding import NetworkEmbedder
from facesearch.embedding.architectures import ARCHITECTURES
from facesearch.embedding.standardiser import Standardiser
from facesearch.embedding.templates import dlib_template
from train.config import NetworkConfig
from train.distributed import Ranks
from train.starting import PREPROCESSING, start
from train.starting import _with_new_head as with_new_head
from train.trainer import Trainer

CPU = torch.device("cpu")
SPEC = ModelSpec("t", "t", 4, Preprocessing((32, 32), dlib_template(32, 0.2), (10.0, 20.0, 30.0), (2.0, 4.0, 8.0)), "")


def test_every_network_can_begin_from_nothing_and_follows_its_seed() -> None:
    assert set(PREPROCESSING) == set(ARCHITECTURES)
    for name in ("small-cnn", "dlib-resnet"):
        first, spec = start(NetworkConfig(name=name, dim=8), seed=3)
        again, _ = start(NetworkConfig(name=name, dim=8), seed=3)
        other, _ = start(NetworkConfig(name=name, dim=8), seed=4)
        assert (spec.network, spec.dim) == (name, 8)
        assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
        assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_from_the_model_that_ships() -> None:
    module, spec = start(NetworkConfig(start="dlib"), seed=0)
    assert (spec.network, spec.dim, module.fc.weight.shape) == ("dlib-resnet", 128, (128, 256))
    assert spec.source.startswith("trained from dlib (")
    with pytest.raises(ModelError, match="no model 'dlibb'"):
        start(NetworkConfig(start="dlibb"), seed=0)
    with pytest.raises(InputError, match="is a dlib-resnet, not a small-cnn"):
        start(NetworkConfig(start="dlib", name="small-cnn"), seed=0)
    with pytest.raises(InputError, match="'sface\\+dlib' is no single network"):
        start(NetworkConfig(start="sface+dlib"), seed=0)


def test_facenets_weights_take_a_head_of_128() -> None:
    """As `network.start = "facenet-vggface2"` with `dim = 128`; its published head has 512."""
    torch.manual_seed(0)
    published = ARCHITECTURES["inception-resnet-v1"](512)
    spec = ModelSpec("facenet-vggface2", "inception-resnet-v1", 512, PREPROCESSING["inception-resnet-v1"], "")
    module, new = with_new_head(published, spec, 128)
    before, after = published.state_dict(), module.state_dict()
    assert after["last_linear.weight"].shape == (128, 1792)
    assert new == {name for name in after if not torch.equal(before[name], after[name])}
    assert new == {
        "last_linear.weight", "last_bn.weight", "last_bn.bias", "last_bn.running_mean", "last_bn.running_var",
    }  # fmt: skip


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_batches_are_normalised_as_the_product_does_it(channels: str) -> None:
    pre = Preprocessing((32, 24), dlib_template(24, 0.2), (10.0, 20.0, 30.0), (2.0, 4.0, 8.0), channels)
    crops = np.random.default_rng(0).integers(0, 256, (3, 32, 24, 3), np.uint8)
    seen = []

    class Network:
        spec = ModelSpec("t", "t", 2, pre, "")

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            seen.append(batch)
            return np.ones((len(batch), 2), np.float32)

    NetworkEmbedder(Network()).embed(list(crops))
    ours = Standardiser(pre, CPU, torch.channels_last)(torch.from_numpy(crops))
    np.testing.assert_allclose(ours.numpy(), seen[0], rtol=1e-6)


class Normalised(nn.Module):
    """Two layers with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.fc(self.high(self.low(x)).mean(dim=(2, 3)))
        return y


def test_statistics_of_a_frozen_layer_are_frozen() -> None:
    module = Normalised()
    for parameter in module.low.parameters():
        parameter.requires_grad_(False)
    trainer = Trainer(recipe(), module, SPEC, Ranks(CPU))
    crops = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8))
    trainer.step(0, crops, np.array([0, 0, 1, 1]), None)
    assert float(module.low.running_mean.abs().max()) == 0
    assert float(module.high.running_mean.abs().max()) > 0


def test_batch_normalisation_over_several_cpu_processes_is_refused() -> None:
    with pytest.raises(InputError):
        Ranks(CPU, 0, 2).wrap(Normalised())
