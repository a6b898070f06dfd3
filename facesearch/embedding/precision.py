"""In which precision a model runs: float32 everywhere, int8 or float16 where it gains, and never one for the other.

int8 is for CPUs and models with activation ranges. It takes a third to a fifth of the time on processors of the x86
family, with VNNI or without, and gives the same embeddings on all of them; elsewhere that was not measured. float16 is
for the GPUs of PyTorch, and is taken only where it is asked for.
"""

import hashlib
import platform
from dataclasses import replace
from functools import cache
from pathlib import Path

from facesearch.core.device import pick_device
from facesearch.core.errors import InputError, WeightsError
from facesearch.core.quantisation import Ranges, read_ranges
from facesearch.core.settings import FLOAT16, FLOAT32, INT8, ModelSpec

__all__ = ["PRECISIONS", "chosen", "device_for", "merged", "ranges_of", "with_precision"]

RANGES = Path(__file__).parent / "ranges"
PRECISIONS = ("auto", FLOAT32, INT8, FLOAT16)
X86 = ("x86_64", "amd64")


def chosen(precision: str | None, device: str, has_ranges: bool, name: str) -> str:
    """FLOAT32, FLOAT16 or INT8.

    Args:
        precision: one of PRECISIONS, or a spec's; None is "auto".
        device: as for `pick_device`.
        has_ranges: of the model of this name.

    Raises:
        InputError: there is no such precision, or not for this model or device.
    """
    kind, _, _ = (precision or "auto").partition(":")
    if kind not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}: use {', '.join(PRECISIONS)}")
    if kind == INT8 and not has_ranges:
        raise InputError(f"{name} cannot run in int8, nobody has measured its activations: use --precision float32")
    if kind == "auto":
        return INT8 if has_ranges and gains() and pick_device(device) == "cpu" else FLOAT32
    return kind


def gains() -> bool:
    """Whether int8 is faster on this processor, as far as that is known."""
    return platform.machine().lower() in X86


@cache
def ranges_of(member: str) -> Ranges | None:
    """Of a built-in model; None where there are none. Raises WeightsError where the file is damaged."""
    path = RANGES / f"{member}.json"
    return read_ranges(path) if path.is_file() else None


def with_precision(spec: ModelSpec, members: tuple[str, ...], precision: str | None, device: str) -> ModelSpec:
    """The spec, in the precision that is wanted.

    Args and Raises as `chosen`; members: the built-in models that it is made of.
    """
    ranges = [ranges_of(member) for member in members]
    kind = chosen(precision, device, bool(ranges) and None not in ranges, spec.name)
    if kind == FLOAT16 and spec.network == "onnx":
        raise InputError(f"{spec.name} cannot run in float16, as an ONNX file: use --precision float32")
    if kind != INT8:
        return replace(spec, precision=kind)
    digits = [each.digits for each in ranges if each is not None]
    return replace(spec, precision=f"{INT8}:{_joined(digits)}")


def merged(spec: ModelSpec, members: tuple[str, ...]) -> Ranges:
    """The ranges of all layers of a model in int8. Raises WeightsError where the spec was made with others."""
    ranges = [each for each in map(ranges_of, members) if each is not None]
    if len(ranges) != len(members) or spec.precision != f"{INT8}:{_joined([each.digits for each in ranges])}":
        raise WeightsError(f"{spec.name} in {spec.precision} was made by another version of facesearch")
    layers = {name: layer for each in ranges for name, layer in each.layers.items()}
    return Ranges(layers, "; ".join(each.measured_on for each in ranges))


def device_for(spec: ModelSpec, device: str) -> str:
    """Where the model runs: as `pick_device`, but on the CPU in int8, and an ONNX file where nothing else can run it.

    Raises:
        InputError: there is no such device, or the model does not run there in its precision.
    """
    if not spec.is_int8:
        chosen = pick_device(device)
        if spec.is_float16 and chosen == "cpu":
            raise InputError(
                f"{spec.name} in float16 runs on a GPU only, not on the CPU: use --device cuda, --precision float32, or"
                " move the library with `facesearch migrate --precision float32`"
            )
        return "cpu" if spec.network == "onnx" and device == "auto" and not _runs_onnx(chosen) else chosen
    if device not in ("auto", "cpu"):
        raise InputError(
            f"{spec.name} in int8 runs on the CPU only, not on {device}: use --device cpu, or move the library with"
            " `facesearch migrate --precision float32`"
        )
    return "cpu"


def _runs_onnx(device: str) -> bool:
    """Whether ONNX Runtime can use this GPU."""
    if not device.startswith("cuda"):
        return False
    try:
        import onnxruntime
    except ImportError:
        return False
    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _joined(digits: list[str]) -> str:
    return digits[0] if len(digits) == 1 else hashlib.sha256("".join(digits).encode()).hexdigest()[:8]
