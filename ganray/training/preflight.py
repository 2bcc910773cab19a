"""What is looked at before the first step: all that would otherwise end a training minutes or hours later.

data = check_here(config, "data/kathleen")     # before there is a cluster
check_cluster(config, data, "s3://bucket/runs")
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ray
import torch
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ganray.config import RunConfig
from ganray.config.documents import count_of
from ganray.data import Dataset
from ganray.data.storage import MEND, is_remote, short
from ganray.errors import ConfigError, DataError, GanrayError, PlacementError, Problem, UsageError
from ganray.metrics import MEASURES
from ganray.provisioning import pools
from ganray.text import front_end
from ganray.training import probe
from ganray.training.trackers import MEND as INSTALL_TRACKERS
from ganray.training.trackers import missing
from ganray.training.validation import measures_of

PATIENCE_S = 60.0
"""How long a node may take to answer."""
ray.cloudpickle.register_pickle_by_value(probe)
Answers = dict[str, dict[str, str]]
"""Node → what `probe.look` said there."""
Ask = Callable[[Mapping[str, str], tuple[Any, ...]], Answers]
"""Takes {node's id: answer's name} and the other arguments of `probe.look`."""


def check_here(config: RunConfig, dataset: str | Path) -> Dataset:
    """Everything that can be seen without a cluster.

    Returns:
        The dataset, opened.

    Raises:
        AudioContractError: Dataset and recipe disagree.
        ConfigError: A tracker or a measure is not installed.
        DataError: The dataset can't be read, or its split is empty.
    """
    found: list[GanrayError] = []
    for name in missing(config.log.trackers):
        found.append(ConfigError(f"log.trackers names {name}, which is not installed", mend=INSTALL_TRACKERS))
    for name in measures_of(config):
        if not MEASURES[name].installed:
            what = f"validation takes the measure {name}, for which {MEASURES[name].module} is not installed"
            found.append(ConfigError(what, mend='pip install "ganray[evaluate]"'))
    data = None
    with _collected(found):
        data = Dataset.open(dataset)
    if data:
        with _collected(found):
            data.audio.must_equal(config.audio, ours=f"dataset {data.path}", theirs=f"recipe {config.name}")
        with _collected(found):
            _must_be_spoken_by(config, data)
        with _collected(found):
            if not len(data.split(config.data.split)):
                raise DataError(f"split {config.data.split} of {data.path} is empty")
    _raise(found)
    assert data is not None
    return data


def _must_be_spoken_by(config: RunConfig, data: Dataset) -> None:
    """A text generator needs phonemes of its own front-end."""
    name = config.generator.model_dump().get("front_end")
    if name is None:
        return
    want, got = {"name": name, "version": front_end(name).version}, data.card.get("front_end", {})
    if got != want:
        raise DataError(
            f"the dataset {data.path} has no phonemes of the front-end {name} {want['version']}",
            got=f"{got.get('name')} {got.get('version')}",
            mend=f"prepare it again: ganray prepare CORPUS --out {data.path} --overwrite --set front_end={name}",
        )


def check_cluster(config: RunConfig, data: Dataset, storage: str, ask: Ask | None = None) -> None:
    """Everything that the connected cluster's nodes must be able to do.

    Args:
        config: Resolved.
        data: The dataset, as the driver sees it.
        storage: What will hold the run: a folder, or a URI.
        ask: How nodes are asked; by tasks without it.

    Raises:
        PlacementError: The workers never fit.
        DataError: A node can't read the dataset.
        UsageError: The storage is not shared by driver and nodes.
    """
    found: list[GanrayError] = []
    with _collected(found):
        must_fit(config)
    others = [node for node in _candidates(config) if node["NodeID"] != _own_node()]
    names = {node["NodeID"]: _name(node) for node in others}
    try:
        with _token(storage) as token:
            answers = {node: f"{token}-{place}" for place, node in enumerate(names)}
            dataset = data.where
            told = (ask or _ask)(answers, (dataset, data.shard_bytes, storage, token)) if names else {}
            try:
                for node, name in names.items():
                    found += _of_node(name, told.get(node), data, storage)
                    if node in told and not told[node]["storage"] and not _sees(storage, answers[node]):
                        found.append(_unshared(storage, name, "what it wrote there is not seen by the driver"))
            finally:
                for answer in answers.values():
                    probe.remove(storage, answer)
    except (OSError, ValueError) as error:
        mend = MEND if is_remote(storage) else "give another --storage"
        found.append(UsageError(f"cannot write storage {storage}: {short(error)}", mend=mend))
    _raise(found)


def must_fit(config: RunConfig) -> None:
    """Refuse what the nodes that are there can never hold together. Clusters that grow are not judged.

    Raises:
        PlacementError: They can't.
    """
    wanted = config.resources.num_workers
    fewest = wanted if isinstance(wanted, int) else wanted[0]
    one = of_one_worker(config)
    places = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(int(min(node.get(name, 0) / amount for name, amount in one.items()) + 1e-6) for node in places)
    if room < fewest:
        there = ", ".join(f"{node.get('CPU', 0):g} CPU and {node.get('GPU', 0):g} GPU" for node in places)
        raise PlacementError(
            f"{fewest} worker{'s' if fewest > 1 else ''} of {' and '.join(f'{v:g} {k}' for k, v in one.items())} each "
            f"can never run on this cluster ({there})",
            mend="ask for less: --workers, --set resources.cpus_per_worker=…, --set resources.gpus_per_worker=…",
        )


def of_one_worker(config: RunConfig) -> dict[str, float]:
    """Ray's resources of a worker: its own, and what only the machines of its pool have."""
    resources = {"CPU": config.resources.cpus_per_worker, "GPU": config.resources.gpus_per_worker}
    return {name: amount for name, amount in resources.items() if amount} | pools.share("train")


@contextlib.contextmanager
def memory_is_told(config: RunConfig) -> Iterator[None]:
    """Inside, a GPU whose memory is full is an error that names the keys to change.

    Raises:
        PlacementError: Instead of CUDA's own error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        data, workers = config.data, config.resources.num_workers
        raise PlacementError(
            f"a worker's share of a batch does not fit its memory: {short(error)}",
            mend=f"raise data.accumulate (now {data.accumulate}: the same result in less memory) or "
            f"resources.num_workers (now {workers}); or lower data.judged_length (now {data.heard_length}), "
            f"data.segment_length (now {data.segment_length}) or data.batch_size (now {data.batch_size})",
        ) from error


def _own_node() -> str:
    """The driver's node, whose disks are the driver's own; none for a driver outside of the cluster."""
    return "" if ray.util.client.ray.is_connected() else ray.get_runtime_context().get_node_id()


def _candidates(config: RunConfig) -> list[dict[str, Any]]:
    """The nodes that may run a worker."""
    one = of_one_worker(config)
    alive = [node for node in ray.nodes() if node["Alive"]]
    return [node for node in alive if all(node["Resources"].get(key, 0) >= n - 1e-6 for key, n in one.items())]


def _name(node: dict[str, Any]) -> str:
    return f"node {node.get('NodeManagerHostname') or node['NodeManagerAddress']}/{node['NodeID'][:6]}"


def _ask(answers: Mapping[str, str], question: tuple[Any, ...]) -> Answers:
    """Every node at the same time, by a task that needs no core."""
    task = ray.remote(probe.look)
    asked = {}
    for node, answer in answers.items():
        there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        asked[node] = task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(*question, answer)
    ready, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=PATIENCE_S)
    told: Answers = {}
    for node, answer_of in asked.items():
        with contextlib.suppress(ray.exceptions.RayError):  # no answer, as of one that is late
            if answer_of in ready:
                told[node] = ray.get(answer_of)
    return told


def _of_node(name: str, told: dict[str, str] | None, data: Dataset, storage: str) -> list[GanrayError]:
    if told is None:
        return [PlacementError(f"{name} does not answer", mend="look at `ray status`, or take it out of the cluster")]
    found: list[GanrayError] = []
    if told["ganray"]:
        found.append(PlacementError(f"{name}: {told['ganray']}", mend="install the same ganray on every node"))
    if told["dataset"]:
        mend = "put the dataset where all nodes see it under the same path"
        found.append(DataError(f"{name} cannot read the dataset {data.path}: {told['dataset']}", mend=mend))
    elif told["digest"] != data.digest:
        what = f"{name} sees another dataset at {data.path}"
        found.append(DataError(what, got=told["digest"], want=data.digest, mend="copy the same one to all nodes"))
    if told["storage"]:
        found.append(_unshared(storage, name, told["storage"]))
    return found


def _unshared(storage: str, name: str, why: str) -> GanrayError:
    return UsageError(
        f"storage {storage} is not shared with {name}: {why}",
        mend="give --storage a folder that all nodes see, or s3://…",
    )


def _sees(storage: str, name: str) -> bool:
    try:
        return probe.read(storage, name) == name
    except OSError:
        return False


@contextlib.contextmanager
def _token(storage: str) -> Iterator[str]:
    """Name of a small file in storage, for as long as nodes look for it."""
    made = not is_remote(storage) and not os.path.isdir(storage)
    token = f".ganray-preflight-{secrets.token_hex(8)}"
    probe.write(storage, token)
    try:
        if probe.read(storage, token) != token:
            raise OSError("what was written is not read back")
        yield token
    finally:
        probe.remove(storage, token)
        if made:
            with contextlib.suppress(OSError):
                os.rmdir(storage)


@contextlib.contextmanager
def _collected(found: list[GanrayError]) -> Iterator[None]:
    try:
        yield
    except GanrayError as error:
        found.append(error)


def _raise(found: list[GanrayError]) -> None:
    """The one error there is, or one that holds them all; its exit code is that of what is easiest to mend."""
    if not found:
        return
    if len(found) == 1:
        raise found[0]
    kinds: dict[int, type[GanrayError]] = {2: UsageError, 3: PlacementError, 4: DataError}
    problems = [
        problem
        for error in found
        for problem in error.problems or [Problem(type(error).__name__, error.facts.get("got"), *_words(error))]
    ]
    kind = kinds[min(error.exit_code for error in found)]
    raise kind(count_of(problems, "what the training needs"), problems=problems)


def _words(error: GanrayError) -> tuple[str, str]:
    return error.message, error.mend
