"""Reading what others wrote, safely: tensors and plain values, nothing that is executed."""

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ganray.config import read_yaml
from ganray.errors import ConfigError, DataError
from ganray.models.weight_norm import G, V, joined

Weights = dict[str, Tensor]
MEND = "give the config that came with the weights"


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint of torch (`weights_only`) or of safetensors holds.

    Raises:
        DataError: There is none, or it is damaged, or it holds more than weights and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"no checkpoint at {path}", mend="give the file that holds the weights")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, SafetensorError, OSError) as error:
        why = str(error).strip().split("\n")[0]
        raise DataError(
            f"{path} can't be read as weights: {why}",
            mend="only tensors and plain values are read; save the state dict alone with torch.save",
        ) from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}, not weights by name")
    return content


def part(content: Mapping[str, Any], name: str, path: str | Path) -> Weights:
    """The weights under a name of a checkpoint.

    Raises:
        DataError: There are none.
    """
    found = content.get(name)
    if not isinstance(found, Mapping):
        raise DataError(
            f"{path} has no {name!r}", got=", ".join(list(map(str, content))[:5]) or "nothing", mend="is it this kind?"
        )
    return {str(key): value for key, value in found.items() if isinstance(value, Tensor)}


def read_config(path: str | Path) -> dict[str, Any]:
    """A mapping, from JSON or YAML (safe loader).

    Raises:
        ConfigError: There is none, or it is neither.
    """
    path = Path(path)
    if path.suffix in (".yaml", ".yml"):
        return read_yaml(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} can't be read as JSON: {error}", mend="give the config.json of the weights"
        ) from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is no mapping", mend="give the config.json of the weights")
    return document


def needed(config: Mapping[str, Any], key: str, path: str | Path) -> Any:
    """A value of a config, by its dotted path.

    Raises:
        ConfigError: It isn't there.
    """
    value: Any = config
    for step in key.split("."):
        if not isinstance(value, Mapping) or step not in value:
            raise ConfigError(f"{path} has no {key}", mend=MEND)
        value = value[step]
    return value


def fill(network: nn.Module, weights: Weights, theirs: Callable[[str], str], path: str | Path) -> None:
    """Give a network without weight normalisation the weights that another implementation named its own way.

    Args:
        network: Of ours.
        weights: Of theirs, with weight or spectral normalisation or without; buffers that are no weights left out.
        theirs: Our name → theirs.
        path: Of their file, for the message.

    Raises:
        DataError: A tensor is missing, left over or of another shape; the first that differs is named.
    """
    plain, found = folded(weights), {}
    differ: list[tuple[str, Any, Any]] = []
    for name, value in network.state_dict().items():
        other = plain.pop(theirs(name), None)
        if other is not None and other.dim() == value.dim() + 1 and other.shape[-1] == 1:
            other = other[..., 0]  # kernels of (5, 1) in two dimensions are ours of 5 in one
        if other is None or other.shape != value.shape:
            differ.append((theirs(name), tuple(value.shape), "none" if other is None else tuple(other.shape)))
        else:
            found[name] = other.to(value.dtype).contiguous()
    differ += [(name, "none", tuple(value.shape)) for name, value in plain.items()]
    if differ:
        name, ours, its = differ[0]
        raise DataError(
            f"{path} is not the network of its config: {len(differ)} tensors differ, the first is {name}",
            config=ours,
            file=its,
            mend=MEND,
        )
    network.load_state_dict(found)


def folded(weights: Weights) -> Weights:
    """Weights without weight and spectral normalisation, in the order they stood."""
    plain: Weights = {}
    for name, value in weights.items():
        base, _, kind = name.rpartition(".")
        if kind == "weight_g" or name.endswith(G):
            base = base if kind == "weight_g" else name.removesuffix(f".{G}")
            v = weights.get(f"{base}.weight_v", weights.get(f"{base}.{V}"))
            if v is not None and v.flatten(1).shape[0] == value.numel():
                plain[f"{base}.weight"] = joined(value.float(), v.float())
        elif kind == "weight_orig":
            u, v = weights.get(f"{base}.weight_u"), weights.get(f"{base}.weight_v")
            if u is not None and v is not None:  # spectral normalisation (Miyato et al. 2018): w / (uᵀ w v)
                plain[f"{base}.weight"] = value.float() / (u.float() @ value.float().flatten(1) @ v.float())
        elif not (kind in ("weight_v", "weight_u") or name.endswith(V)):
            plain[name] = value
    return plain
