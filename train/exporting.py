"""`python -m train export`: a model as an ONNX file for other programs, with the TOML file that says how to use it.

`facesearch --model FILE.onnx` reads both; what the TOML file may say is written in `facesearch/embedding/onnx_file.py`.
"""

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from facesearch import embedding
from facesearch.core.errors import InputError
from facesearch.core.files import make_folders, part_of, put_in_place, replace_file
from facesearch.core.settings import FLOAT32, ModelSpec

__all__ = ["export"]

# The lowest that has every operation of these networks, so that old readers take the file, too.
OPSET = 17
INPUT, OUTPUT = "crops", "embeddings"


def export(model: str, out: Path) -> ModelSpec:
    """Write OUT.onnx and OUT.toml, neither of which may be there: a recipe may be called OUT.toml, too.

    Args:
        model: a checkpoint's path or a built-in model's name.
        out: must end in .onnx. Its input is (n, 3, height, width) float32, normalised as the TOML file says; its output
            (n, dim) float32, not of unit norm; n is free.

    Returns:
        What `facesearch --model OUT.onnx` uses.

    Raises:
        InputError: another suffix, or the files are there or cannot be written.
        ModelError, WeightsError: the model is not there, or is an ONNX file already.
    """
    if out.suffix != ".onnx":
        raise InputError(f"an ONNX file's name ends in .onnx, unlike {out}")
    settings = out.with_suffix(".toml")
    if there := [path for path in (out, settings) if path.exists()]:
        raise InputError(f"{there[0]} is there already: choose another name")
    spec = embedding.resolve(model, FLOAT32)
    module = embedding.load_module(spec).eval()
    part = part_of(out)
    try:
        make_folders(out.parent)
        _write(module, spec, part)
        replace_file(settings, _toml(spec).encode())
        put_in_place(part, out)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return embedding.resolve(str(out), FLOAT32)


def _write(module: nn.Module, spec: ModelSpec, path: Path) -> None:
    with warnings.catch_warnings():
        # This exporter is called old; the new one needs two more packages, and gains nothing for networks like these.
        warnings.simplefilter("ignore", DeprecationWarning)
        # That sizes become constants is meant: only the number of crops is free.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            module,
            (torch.zeros(2, 3, *spec.preprocessing.size),),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n"}, OUTPUT: {0: "n"}},
        )


def _toml(spec: ModelSpec) -> str:
    settings = asdict(spec.preprocessing) | {"licence": spec.licence, "source": spec.source}
    return "".join(f"{key} = {_value(value)}\n" for key, value in settings.items())


def _value(value: Any) -> str:
    """Of what a spec holds, JSON's notation is also TOML's."""
    return json.dumps(value, ensure_ascii=False)
