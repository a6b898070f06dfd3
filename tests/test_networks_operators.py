"""The operators are torchvision's own, bit for bit, and do not cost the import of its package."""

import subprocess
import sys

import torch
import torchvision

from facesearch.networks import operators


def boxes(count: int, seed: int) -> torch.Tensor:
    corners = torch.rand(count, 2, generator=torch.Generator().manual_seed(seed)) * 40
    sides = torch.rand(count, 2, generator=torch.Generator().manual_seed(seed + 1)) * 20 + 1
    return torch.cat([corners, corners + sides], dim=1)


def test_nms_is_that_of_torchvision() -> None:
    some, scores = boxes(60, 1), torch.rand(60, generator=torch.Generator().manual_seed(3))
    kept = operators.nms(some, scores, 0.3)
    assert 0 < len(kept) < 60
    assert torch.equal(kept, torchvision.ops.nms(some, scores, 0.3))


def test_roi_align_is_that_of_torchvision() -> None:
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    some = [boxes(5, 5), boxes(7, 6)]
    crops = operators.roi_align(images, some, (24, 12), 0.5, 2, aligned=True)
    assert crops.shape == (12, 3, 24, 12)
    assert torch.equal(crops, torchvision.ops.roi_align(images, some, (24, 12), 0.5, 2, aligned=True))


def test_torchvision_itself_is_not_imported() -> None:
    program = (
        "import sys, torch; from facesearch.networks.operators import nms;"
        "print(nms(torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.ones(1), 0.5).tolist(), 'torchvision' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["[0]", "False"]
