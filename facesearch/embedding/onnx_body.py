"""An ONNX network inside a larger OpenVINO graph."""

from typing import Any

from facesearch.core.openvino_cpu import read_onnx
from facesearch.embedding.compiled import Body

__all__ = ["onnx_body"]


def onnx_body(network: bytes) -> Body:
    """Args: network: an ONNX file's content, of one input (n, 3, height, width) and one output (n, dim), n free.

    Raises RuntimeError, when the body is used, where OpenVINO cannot read it.
    """

    def body(op: Any, x: Any) -> Any:
        graph = read_onnx(network)
        graph.reshape(list(x.shape))
        (source,) = graph.get_parameters()
        for target in source.output(0).get_target_inputs():
            target.replace_source_output(x.output(0))  # x takes the parameter's place
        (result,) = graph.get_results()
        return result.input_value(0)

    return body
