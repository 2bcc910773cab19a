"""The depth-wise convolution with its own backward pass is torch's."""

import pytest
import torch
from torch import nn

from ganray.models.convnext import DepthwiseConv


@pytest.mark.parametrize(("kernel", "length"), [(7, 40), (5, 3), (1, 8)])
def test_its_output_and_gradients_are_those_of_torch(kernel, length):
    torch.manual_seed(0)
    ours = DepthwiseConv(6, kernel).double()
    theirs = nn.Conv1d(6, 6, kernel, padding=kernel // 2, groups=6).double()
    theirs.load_state_dict(ours.state_dict())
    x, grad = torch.randn(3, 6, length, dtype=torch.float64), torch.randn(3, 6, length, dtype=torch.float64)
    found = []
    for module in (ours, theirs):
        given = x.clone().requires_grad_()
        y = module(given)
        y.backward(grad)
        found.append((y.detach(), given.grad, module.weight.grad, module.bias.grad))
    for mine, its in zip(*found, strict=True):
        torch.testing.assert_close(mine, its)


def test_it_learns_in_bf16_with_gradients_in_fp32():
    module, x = DepthwiseConv(4, 7), torch.randn(2, 4, 20, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x)
    assert y.dtype == torch.bfloat16
    y.float().square().sum().backward()
    assert x.grad.dtype == module.weight.grad.dtype == module.bias.grad.dtype == torch.float32


def test_what_is_frozen_gets_no_gradient():
    module = DepthwiseConv(4, 3).requires_grad_(False)
    x = torch.randn(1, 4, 9, requires_grad=True)
    module(x).sum().backward()
    assert module.weight.grad is None
    assert x.grad is not None
