"""Batch normalisation over the global batch, on any device: torch's own synchronised one needs GPUs."""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class BatchNorm(nn.BatchNorm1d):
    """`nn.BatchNorm1d` whose statistics are those of all workers' items together (Ioffe & Szegedy 2015).

    With one worker, or in evaluation, it is `nn.BatchNorm1d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) or (B, C) to the same."""
        if not (self.training and dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
            return super().forward(x)
        over = [i for i in range(x.dim()) if i != 1]
        count = x.new_tensor([x.numel() / x.shape[1]])
        sums = all_reduce(torch.cat([x.sum(over), (x * x).sum(over), count]))
        total = sums[-1]
        mean = sums[: x.shape[1]] / total
        variance = sums[x.shape[1] : -1] / total - mean**2
        with torch.no_grad():
            momentum = self.momentum or 0.0
            if self.num_batches_tracked is not None:
                self.num_batches_tracked += 1
            if self.running_mean is not None and self.running_var is not None:
                self.running_mean.lerp_(mean, momentum)
                self.running_var.lerp_(variance * total / (total - 1), momentum)
        shape = [1, -1] + [1] * (x.dim() - 2)
        scale = self.weight * (variance + self.eps).rsqrt()
        return (x - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)
