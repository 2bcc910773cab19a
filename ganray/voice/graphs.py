"""A text voice's networks as ONNX graphs, for a machine without torch.

The graphs hold no weights: they name the places of the voice's own `generator.safetensors`.
"""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganray.audio.mel import exp
from ganray.models.convnext import ConvNeXt, ConvNeXtBlock
from ganray.models.f0 import read_f0
from ganray.models.generators.source_filter import scaled
from ganray.models.generators.text import Generator, unscaled
from ganray.voice.eight_bits import QUANTISED, Ranges, in_eight_bits, measure_ranges
from ganray.voice.portable import GRAPHS

WEIGHTS = "generator.safetensors"
_OPSET = 20
"""The first that knows GELU."""
_STORED = {"F16": 10, "F32": 1}
"""Of safetensors' types: ONNX's numbers."""


def _frames(out: nn.Linear, network: ConvNeXt, x: Tensor) -> Tensor:
    """(1, inputs, F) to (F, K): what `ganray.models.convnext.each_frame` gives for one item."""
    y = out(_lean(network, x))
    return y if network.stride == 1 else y.reshape(-1, y.shape[-1] // network.stride)


def _lean(network: ConvNeXt, x: Tensor) -> Tensor:
    """(1, inputs, F) to (F / S, C): what `network` gives for one item, in the form that ONNX Runtime computes fastest.

    Matrices instead of batches of them let a product take its bias along, and each block's gain lies in its weights.
    """
    y = network.norm(network.embed(x)[0].T)
    for block in network.blocks:
        assert isinstance(block, ConvNeXtBlock)
        inner = block.norm(block.depthwise(y.T[None])[0].T)
        inner = functional.gelu(block.expand(inner))
        gain = block.gain
        y = y + functional.linear(inner, block.project.weight * gain[:, None], block.project.bias * gain)
    return network.last_norm(y)


class _Text(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.acoustic = generator.acoustic

    def forward(self, symbols: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mask = torch.ones_like(symbols, dtype=torch.float32)[:, None]
        encoded = self.acoustic.encode(self.acoustic.embed(symbols, mask), mask, labels)
        return encoded, *self.acoustic.time(encoded, mask)


class _Pitch(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.acoustic = generator.acoustic

    def forward(self, features: Tensor) -> Tensor:
        head = self.acoustic.pitch
        logits = _frames(head.out, head.network, features)[None]
        return read_f0(logits[..., :-1], logits[..., -1])


class _Mel(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.acoustic = generator.acoustic

    def forward(self, features: Tensor) -> Tensor:
        return unscaled(_frames(self.acoustic.out, self.acoustic.decoder, features).T[None])


class _Vocoder(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.vocoder, self.audio = generator.vocoder, generator.audio

    def forward(self, mel: Tensor, f0: Tensor, voiced: Tensor, inverse: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.cat([scaled(mel), (f0 / 200).log2(), voiced], 1)
        prior = (exp(mel[0].T, self.audio) @ inverse).clamp_min(self.audio.floor)
        return _frames(self.vocoder.out, self.vocoder.backbone, features), prior


def write_graphs(generator: Generator, folder: Path, int8: bool = False) -> None:
    """Write `*.onnx` beside the weights that lie in `folder` already.

    Args:
        generator: Of type `text`, in evaluation mode, whose weights those are.
        folder: The voice's.
        int8: Large matrix products in 8-bit integers.
    """
    ranges = measure_ranges(generator) if int8 else {}
    acoustic, audio = generator.acoustic, generator.audio
    encoded, mels = acoustic.embedding.embedding_dim, audio.n_mels
    symbols, places = torch.export.Dim("symbols", min=2), torch.export.Dim("places", min=2)
    labels = torch.zeros(1, len(generator.labels))
    stride, of_vocoder = generator.config.stride, generator.vocoder.stride
    num = 9 * stride
    one = torch.ones(1, 1, 9 * of_vocoder)
    per_frame: dict[str, tuple[type[nn.Module], dict[str, Tensor], int]] = {
        "pitch": (_Pitch, {"features": torch.zeros(1, encoded + 3, num)}, stride),
        "mel": (_Mel, {"features": torch.zeros(1, encoded + 6, num)}, stride),
        "vocoder": (
            _Vocoder,
            {
                "mel": torch.zeros(1, mels, len(one[0, 0])),
                "f0": one,
                "voiced": one.clone(),
                "inverse": torch.zeros(mels, audio.n_fft // 2 + 1),  # from outside: it follows from the audio contract
            },
            of_vocoder,
        ),
    }
    said = {"symbols": torch.zeros(1, 9, dtype=torch.int64), "labels": labels}
    _write(_Text(generator), said, {"symbols": {1: symbols}, "labels": None}, "text", folder)
    for name, (module, inputs, frames) in per_frame.items():
        shapes = {key: {2: frames * places} if value.dim() == 3 else None for key, value in inputs.items()}
        _write(module(generator), inputs, shapes, name, folder, ranges if name in QUANTISED else {})


def _write(
    module: nn.Module,
    inputs: dict[str, Tensor],
    shapes: dict[str, Any],
    name: str,
    folder: Path,
    ranges: Ranges | None = None,
) -> None:
    import onnx

    with _quietly():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(GRAPHS[name]),
            dynamic_shapes=shapes,
            dynamo=True,
            optimize=False,
            opset_version=_OPSET,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _point_to_weights(model, folder / WEIGHTS)
    if ranges:
        in_eight_bits(model, ranges)
    _forget_origin(model)
    onnx.save_model(model, str(folder / f"{name}.onnx"))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The exporter warns of packages that nobody asked for."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _point_to_weights(model: Any, weights: Path) -> None:
    """Let every initializer that is a weight of the voice be read from its file."""
    from onnx import TensorProto, helper

    with open(weights, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        places = json.loads(file.read(size))
    kept, casts = [], []
    for tensor in model.graph.initializer:
        if tensor.name not in places:
            kept.append(tensor)
            continue
        place = places[tensor.name]
        begin, end = place["data_offsets"]
        half = place["dtype"] == "F16"
        outer = TensorProto(
            name=f"half{len(kept)}" if half else tensor.name,
            dims=tensor.dims,
            data_type=_STORED[place["dtype"]],
            data_location=TensorProto.EXTERNAL,
        )
        for key, value in (("location", WEIGHTS), ("offset", 8 + size + begin), ("length", end - begin)):
            outer.external_data.add(key=key, value=str(value))
        if half:
            casts.append(helper.make_node("Cast", [outer.name], [tensor.name], to=TensorProto.FLOAT))
        kept.append(outer)
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)


def _forget_origin(model: Any) -> None:
    """No line numbers and paths of the machine that it was written on, and no shapes that the runtime finds itself."""
    del model.graph.value_info[:], model.metadata_props[:], model.graph.metadata_props[:]
    for node in model.graph.node:
        node.ClearField("doc_string")
        node.ClearField("name")
        del node.metadata_props[:]
