"""Where a model runs and in which precision."""

from __future__ import annotations

import torch

from ferrobert.errors import ConfigError


def find_device(device: int | str | torch.device | None) -> torch.device:
    """The device that an argument names; by default the first accelerator, else the CPU.

    Raises:
        ConfigError: torch does not know it, or this machine does not have it.
    """
    if device is None:
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if isinstance(device, int) and not isinstance(device, bool):
        device = "cpu" if device < 0 else f"cuda:{device}"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError):
        raise ConfigError(f"device must be like 'cpu', 'cuda', 'cuda:1' or a number, got {device!r}") from None
    if found.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (found.index or 0) >= count:
            raise ConfigError(f"device {str(device)!r} is not there: torch sees {count} CUDA devices")
        return found
    try:
        torch.empty(0, device=found)
    except (AssertionError, ImportError, NotImplementedError, RuntimeError) as error:
        reason = " ".join(str(error).split()).split(". ")[0]
        raise ConfigError(f"device {str(device)!r} is not there: {reason[:120]}") from None
    return found


def find_dtype(dtype: str | torch.dtype | None) -> torch.dtype | None:
    """The precision that an argument names; ``None`` for the checkpoint's own, and for "auto" (see `auto_dtype`).

    Raises:
        ConfigError: it is not a floating-point type of torch.
    """
    if dtype is None or dtype == "auto":
        return None
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ConfigError(f"dtype must be 'float32', 'float16', 'bfloat16', 'float64' or 'auto', got {dtype!r}")
    return found


def auto_dtype(own: torch.dtype, device: torch.device, *, keeps_labels: bool) -> torch.dtype:
    """The precision that "auto" stands for: bfloat16 in the place of float32, where the processor computes it natively.

    Args:
        own: precision of the checkpoint.
        device: where the model runs.
        keeps_labels: whether the task's results stay what they are in bfloat16.
    """
    return torch.bfloat16 if own == torch.float32 and keeps_labels and has_bfloat16(device) else own


def has_bfloat16(device: torch.device) -> bool:
    """Whether products of bfloat16 are instructions of the processor: AVX-512 BF16, AMX, or those of a GPU."""
    if device.type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
