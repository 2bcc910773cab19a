"""ConvNeXt for sequences (Liu et al. 2022, in one dimension after Vocos: Siuzdak 2023)."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class DepthwiseConv(nn.Conv1d):
    """A convolution of each channel by itself, that keeps the length.

    On a CPU torch's own backward pass of it takes thirty times its forward pass; this one takes five.

    Args:
        channels: C.
        kernel: Frames it sees, an odd number.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__(channels, channels, kernel, padding=kernel // 2, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, F) to (B, C, F)."""
        if x.device.type == "cpu" and torch.is_grad_enabled():
            return _Depthwise.apply(x, self.weight, self.bias)
        return super().forward(x)


class _Depthwise(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu")
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return functional.conv1d(x, weight, bias, padding=weight.shape[-1] // 2, groups=len(weight))

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        kernel, length = weight.shape[-1], x.shape[-1]
        of_x = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_x = functional.conv1d(grad, weight.flip(-1), padding=kernel // 2, groups=len(weight)).to(x.dtype)
        if ctx.needs_input_grad[1]:
            padded = functional.pad(x, (kernel // 2, kernel // 2))
            wide = grad.to(torch.promote_types(grad.dtype, x.dtype))  # once: a product of two types is slow
            shifted = [(padded[..., place : place + length] * wide).sum((0, 2)) for place in range(kernel)]
            of_weight = torch.stack(shifted, -1)[:, None].to(weight.dtype)
        if ctx.needs_input_grad[2]:
            of_bias = grad.sum((0, 2)).to(weight.dtype)
        return of_x, of_weight, of_bias


class ConvNeXtBlock(nn.Module):
    """Depth-wise convolution over time, then a two-layer perceptron on each frame, added to its input.

    Args:
        channels: C, in and out.
        inner: Width of the perceptron.
        kernel: Frames the convolution sees.
        scale: Initial gain of the branch.
    """

    def __init__(self, channels: int, inner: int, kernel: int = 7, scale: float = 1.0) -> None:
        super().__init__()
        self.depthwise = DepthwiseConv(channels, kernel)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, inner)
        self.project = nn.Linear(inner, channels)
        self.gain = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, F) to (B, C, F); `mask` as in `ConvNeXt`."""
        y = self.norm(self.depthwise(x if mask is None else x * mask).transpose(1, 2))
        y = self.project(nn.functional.gelu(self.expand(y))) * self.gain
        return x + y.transpose(1, 2)


class ConvNeXt(nn.Module):
    """An input convolution and a stack of blocks.

    Args:
        inputs: Channels in.
        channels: C.
        inner: Width of the perceptrons.
        blocks: How many.
        kernel: Places each convolution sees.
        stride: S, frames that are computed as one place, as in an image's patches (Dosovitskiy et al. 2021).
    """

    def __init__(self, inputs: int, channels: int, inner: int, blocks: int, kernel: int = 7, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.context_frames = (blocks * stride + 1) * (kernel // 2) + stride - 1
        self.embed = nn.Conv1d(inputs, channels, kernel, stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.blocks = nn.ModuleList([ConvNeXtBlock(channels, inner, kernel, 1 / blocks) for _ in range(blocks)])
        self.last_norm = nn.LayerNorm(channels, eps=1e-6)
        self.apply(_initialise)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, inputs, F) to (B, C, F / S); F must be a multiple of S.

        `mask` (B, 1, F) is 1 inside an item and 0 behind its end: what is inside comes out as if it were alone.
        """
        x = self.norm(self.embed(x if mask is None else x * mask).transpose(1, 2)).transpose(1, 2)
        mask = mask if mask is None else mask[..., :: self.stride]
        for block in self.blocks:
            x = block(x, mask)
        return self.last_norm(x.transpose(1, 2)).transpose(1, 2)


def each_frame(network: ConvNeXt, out: nn.Linear, x: Tensor, mask: Tensor | None = None, lead: int = 0) -> Tensor:
    """What `out` makes of a network's places, for each of their frames.

    Args:
        network: Of stride S.
        out: To S · K.
        x: (B, inputs, F), of any length.
        mask: (B, 1, F).
        lead: Frames that are missing before the first one, up to S - 1: it is not the first of its place.

    Returns:
        (B, F, K).
    """
    num, stride = x.shape[-1], network.stride
    around = (lead, -(num + lead) % stride)
    if any(around):
        x = functional.pad(x, around)
        mask = mask if mask is None else functional.pad(mask, around)
    y = out(network(x, mask).transpose(1, 2))
    return y if stride == 1 else y.reshape(len(y), -1, y.shape[-1] // stride)[:, lead : lead + num]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv1d | nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
