"""What a worker knows of the others: its rank, how gradients are added up, and what all agree on."""

import time
from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Worker:
    """One of `size` data-parallel workers, in a torch process group or alone.

    Attributes:
        rank: 0 … size - 1.
        size: How many there are.
        device: Where this one computes.
        sync_seconds: Time spent in `add_gradients` so far.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        grouped = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if grouped else 0
        self.size = dist.get_world_size() if grouped else 1
        self.device = torch.device(device)
        self.sync_seconds = 0.0

    def add_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over workers: one flat all-reduce, in the order of the parameters."""
        if self.size == 1:
            return
        started = time.perf_counter()
        with torch.no_grad():
            parameters = [p for p in parameters if p.requires_grad]
            for parameter in parameters:  # a worker whose items didn't reach a parameter still takes part
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
            gradients = [p.grad for p in parameters if p.grad is not None]
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(flat)
            parts = flat.split([gradient.numel() for gradient in gradients])
            torch._foreach_copy_(gradients, [p.view_as(g) for p, g in zip(parts, gradients, strict=True)])
        self.sync_seconds += time.perf_counter() - started

    def agree(self, *values: float) -> list[float]:
        """The first worker's values, on every worker."""
        if self.size == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(tensor, 0)
        return tensor.tolist()

    def lowest(self, value: float) -> float:
        """The smallest of all workers' values."""
        if self.size == 1:
            return value
        tensor = torch.tensor(value, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor, dist.ReduceOp.MIN)
        return float(tensor)

    def mean(self, values: dict[str, Tensor], share: float) -> dict[str, float]:
        """Means over the global batch, of values that are means over this worker's `share` of it."""
        names = sorted(values)
        stacked = torch.stack([values[name].double() for name in names])
        if self.size > 1:
            stacked = stacked * share
            dist.all_reduce(stacked)
        return dict(zip(names, stacked.tolist(), strict=True))

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, in the order of ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


def native_precision(device: torch.device) -> str:
    """`bf16` where the hardware multiplies it natively (CUDA from Ampere on; AMX, AVX-512 BF16), else `fp32`."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if native else "fp32"
