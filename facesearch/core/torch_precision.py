"""PyTorch in full float32, for the whole process: the same faces from a GPU as from a CPU, whatever threads do."""

import torch

__all__ = ["use_float32"]


def use_float32() -> None:
    """Turn off TensorFloat-32, which has three digits: it moves boxes by pixels and embeddings in the second digit.

    Products of matrices in float16 are summed in float32, too, however cuBLAS divides them.

    These switches are the process's. Turned on and off around a call, in several threads, they decide by chance how
    another thread's network computes; so whoever makes a network turns it off, and nobody turns it on. Networks get it
    with their device, see `facesearch.core.torch_device`.
    """
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False  # sums of half-precision products
    for operation in ("conv", "rnn"):  # PyTorch 2.9 and later: a setting for each, which may have been changed alone
        settings = getattr(torch.backends.cudnn, operation, None)
        if settings is not None:
            settings.fp32_precision = "ieee"
