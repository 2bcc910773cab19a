"""Ways to add up gradients over workers. Each is a `reduce` for `GanStep`."""

from collections.abc import Callable, Iterable, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn


class Nothing:
    """No sum at all: what the step costs without a wire."""

    name = "none"

    def __call__(self, parameters: Iterable[nn.Parameter]) -> None: ...


class Flat:
    """One all-reduce of all gradients, after the backward pass.

    Args:
        dtype: What goes over the wire.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype, self.name = dtype, f"flat {_short(dtype)}"

    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        _spread(_flat(gradients, self.dtype, wait=True)[0], gradients)


class Buckets:
    """Buckets of gradients, each sent as soon as the backward pass has filled it and those before it.

    Args:
        networks: Whose parameters; hooks are put on them.
        dtype: What goes over the wire.
        size: Bytes of a bucket, as they are sent; a larger parameter is a bucket of its own.
    """

    def __init__(self, networks: Sequence[nn.Module], dtype: torch.dtype, size: int) -> None:
        self.dtype, self.name, self.active = dtype, f"{size / 2**20:g} MB buckets {_short(dtype)}", False
        self._networks = [_Network(network, dtype, size, lambda: self.active) for network in networks]

    def __call__(self, parameters: Iterable[nn.Parameter]) -> None:
        first = next(iter(parameters))
        next(network for network in self._networks if network.has(first)).finish()


class _Network:
    def __init__(self, network: nn.Module, dtype: torch.dtype, size: int, active: Callable[[], bool]) -> None:
        self.dtype, self.active = dtype, active
        # Gradients come about in the reverse order of parameters; all workers send in the same order.
        self.buckets: list[list[nn.Parameter]] = [[]]
        filled = 0
        for parameter in reversed([p for p in network.parameters() if p.requires_grad]):
            its = parameter.numel() * dtype.itemsize
            if filled and filled + its > size:
                self.buckets.append([])
                filled = 0
            self.buckets[-1].append(parameter)
            filled += its
            parameter.register_post_accumulate_grad_hook(self._ready)
        self.place = {p: i for i, bucket in enumerate(self.buckets) for p in bucket}
        self._begin()

    def has(self, parameter: nn.Parameter) -> bool:
        return parameter in self.place

    def finish(self) -> None:
        """Send what is left, wait for all, and put the sums where the gradients were."""
        while len(self.sent) < len(self.buckets):
            self._send()
        for bucket, (flat, work) in zip(self.buckets, self.sent, strict=True):
            work.wait()
            _spread(flat, [p.grad for p in bucket if p.grad is not None])
        self._begin()

    def _begin(self) -> None:
        self.missing = [len(bucket) for bucket in self.buckets]
        self.sent: list[tuple[Tensor, dist.Work]] = []

    def _ready(self, parameter: Tensor) -> None:
        if not self.active():
            return
        self.missing[self.place[parameter]] -= 1
        while len(self.sent) < len(self.buckets) and not self.missing[len(self.sent)]:
            self._send()

    def _send(self) -> None:
        bucket = self.buckets[len(self.sent)]
        for parameter in bucket:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.sent.append(_flat([p.grad for p in bucket if p.grad is not None], self.dtype, wait=False))


def _flat(gradients: Sequence[Tensor], dtype: torch.dtype, wait: bool) -> tuple[Tensor, dist.Work]:
    with torch.no_grad():
        flat = torch.cat([gradient.flatten() for gradient in gradients]).to(dtype)
        return flat, dist.all_reduce(flat, async_op=not wait)


def _spread(flat: Tensor, gradients: Sequence[Tensor]) -> None:
    with torch.no_grad():
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(list(gradients), [p.view_as(g) for p, g in zip(parts, gradients, strict=True)])


def _short(dtype: torch.dtype) -> str:
    return {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
