"""A text voice's large matrix products in 8-bit integers, where processors do four for each in floating point.

Weights get a scale for each output and are computed from the voice's own when it is opened; activations get one scale
a product, fixed here. It never depends on what is being said, so that a block of a stream is still the whole.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganray.models.generators.text import Generator
from ganray.text import front_end
from ganray.text.manner import Manner

Ranges = dict[str, tuple[float, float]]
"""Name of a linear layer → least and most of what went into it."""
SENTENCES = (
    "The birch canoe slid on the smooth planks, and nobody on the far shore saw where it went that evening.",
    "What a strange place to build a lighthouse!",
    "Could you tell me which platform the night train leaves from?",
    "Zoe judged the vexing quiz; five wizards jump quickly.",
    "Hmm. No: she wasn't there, I thought he was joking, and the measure of pleasure is a usual thing.",
)
"""What is said to find the ranges."""
QUANTISED = ("mel", "vocoder")
"""Graphs that it pays for. A rounding of F0 would be heard as a pitch that nobody asked for."""
_MARGIN = 1.1
_MOST_SPEAKERS = 8
_WEIGHT = 63
"""7 bits: processors without VNNI add two products of 8 bits in 16, and 2 · 255 · 63 fits in."""
_ACTIVATION = 255


def measure_ranges(generator: Generator) -> Ranges:
    """What goes into each linear layer of `generator`, in evaluation mode, while it says some sentences."""
    its = front_end(generator.config.front_end)
    place = {symbol: number for number, symbol in enumerate(its.symbols)}
    labels = generator.labels
    manners = [Manner(labels=labels.weights(speaker=name)[None]) for name in [*labels.speakers][:_MOST_SPEAKERS]]
    manners = manners or [Manner()]
    with _watched(generator) as ranges, torch.inference_mode():
        for number, sentence in enumerate(SENTENCES):
            symbols = torch.tensor([[place[symbol] for symbol in its.phonemize(sentence).flat]])
            for manner in manners:
                generator(generator.speak(symbols, torch.tensor([number]), manner)[0])
    return ranges


@contextmanager
def _watched(generator: Generator) -> Iterator[Ranges]:
    """Inside, what goes into linear layers is written down."""
    ranges: Ranges = {}

    def watch(name: str, x: Tensor) -> None:
        low, high = ranges.get(name, (0.0, 0.0))
        ranges[name] = min(low, float(x.min())), max(high, float(x.max()))

    hooks = [
        module.register_forward_pre_hook(lambda _, given, name=name: watch(name, given[0]))
        for name, module in generator.named_modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        yield ranges
    finally:
        for hook in hooks:
            hook.remove()


def in_eight_bits(model: Any, ranges: Ranges) -> None:
    """Let every product of an ONNX `model` whose layer is in `ranges` be one of integers."""
    from onnx import helper, numpy_helper

    makers = {output: node for node in model.graph.node for output in node.output}
    nodes = []
    for node in model.graph.node:
        layer = _layer(node, makers)
        if layer not in ranges:
            nodes.append(node)
            continue
        x, weight, bias = node.input
        [out] = node.output
        scale, zero = _grid(*ranges[layer])
        constants = {"scale": scale, "zero": zero, "most": np.float32(_WEIGHT), "rows": np.array([1])}
        for name, value in constants.items():
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), f"{out}.{name}"))

        def of(name: str, out: str = out) -> str:
            return f"{out}.{name}"

        # All but the last two are of weights alone, and are computed once, when the graph is opened.
        nodes += [
            helper.make_node("Abs", [weight], [of("size")]),
            helper.make_node("ReduceMax", [of("size"), of("rows")], [of("largest")], keepdims=1),
            helper.make_node("Div", [of("largest"), of("most")], [of("column")]),
            helper.make_node("Div", [weight, of("column")], [of("steps")]),
            helper.make_node("Round", [of("steps")], [of("rounded")]),
            helper.make_node("Cast", [of("rounded")], [of("rows8")], to=3),  # int8
            helper.make_node("Transpose", [of("rows8")], [of("weight8")], perm=[1, 0]),
            helper.make_node("Squeeze", [of("column"), of("rows")], [of("column_scales")]),
            helper.make_node("QuantizeLinear", [x, of("scale"), of("zero")], [of("x8")]),
            helper.make_node(
                "MatMulIntegerToFloat",
                [of("x8"), of("weight8"), of("scale"), of("column_scales"), of("zero"), "", bias],
                [out],
                domain="com.microsoft",
            ),
        ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def _layer(node: Any, makers: dict[str, Any]) -> str:
    """Name of the linear layer that a node computes; empty for other nodes."""
    if node.op_type != "Gemm":
        return ""
    weight = node.input[1]
    while weight in makers and makers[weight].op_type == "Mul":  # by its block's gain
        weight = makers[weight].input[0]
    return str(weight).removesuffix(".weight")


def _grid(low: float, high: float) -> tuple[np.float32, np.uint8]:
    """Step and zero of 8 bits from `low` to `high`, with a margin for what is louder than all that was said."""
    low, high = _MARGIN * low, _MARGIN * high
    step = max(high - low, 1e-6) / _ACTIVATION
    return np.float32(step), np.uint8(math.floor(-low / step + 0.5))
