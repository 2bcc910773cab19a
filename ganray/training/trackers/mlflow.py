"""MLflow. Into files in the run's folder, unless MLFLOW_TRACKING_URI names a server or a database."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from ganray.audio import write
from ganray.gan.run import Run
from ganray.training.trackers.tracker import Ids

LONGEST_PARAM, MOST_PARAMS = 500, 100
"""What every MLflow server takes in one batch."""


class MLflow:
    """One MLflow run: the experiment is the recipe's name, the name is the run's, the id stays over resumes.

    MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME are heeded.

    Args:
        run: The run.
        step: Updates that it has behind it.
    """

    def __init__(self, run: Run, step: int) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        uri = os.environ.get("MLFLOW_TRACKING_URI") or _local_store(run)
        from mlflow.tracking import MlflowClient

        self._client, ids = MlflowClient(uri), Ids(run.path)
        self._id = ids.get("mlflow").get("id", "")
        self._new = not self._id
        if self._new:
            name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.config.name
            found = self._client.get_experiment_by_name(name)
            experiment = found.experiment_id if found else self._client.create_experiment(name)
            self._id = self._client.create_run(experiment, run_name=run.path.name).info.run_id
        else:
            self._client.update_run(self._id, status="RUNNING")
        ids.keep("mlflow", id=self._id, store=uri)

    def config(self, document: dict[str, Any]) -> None:
        from mlflow.entities import Param

        self._client.log_dict(self._id, document, "run.yaml")
        if self._new:  # a param never changes
            params = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in _flat(document).items()]
            for start in range(0, len(params), MOST_PARAMS):
                self._client.log_batch(self._id, params=params[start : start + MOST_PARAMS])

    def scalars(self, step: int, metrics: dict[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self._id, metrics=[Metric(name, value, now, step) for name, value in metrics.items()])

    def audio(self, step: int, name: str, waveform: np.ndarray, sample_rate: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{Path(name).name}-step-{step:07d}.wav"
            write(path, waveform, sample_rate)
            self._client.log_artifact(self._id, str(path), str(Path(name).parent))

    def image(self, step: int, name: str, png: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{Path(name).name}-step-{step:07d}.png"
            path.write_bytes(png)
            self._client.log_artifact(self._id, str(path), str(Path(name).parent))

    def close(self) -> None:
        self._client.set_terminated(self._id)


def _local_store(run: Run) -> str:
    """URI of the run's own store. Its files hold absolute paths, which follow where the run moved."""
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"  # MLflow asks for this since 3.13; its databases take 20 s to make
    if run.away:
        run.away.fetch_folder("mlflow")
    uri = (run.path / "mlflow").as_uri()
    before = Ids(run.path).get("mlflow").get("store", uri)
    if before != uri:
        for card in (run.path / "mlflow").rglob("meta.yaml"):
            card.write_text(card.read_text(encoding="utf-8").replace(before, uri), encoding="utf-8")
    return uri


def _flat(document: Any, path: str = "") -> dict[str, Any]:
    """{dotted key: value} of a nested document."""
    items = document.items() if isinstance(document, dict) else enumerate(document)
    flat: dict[str, Any] = {}
    for key, value in items:
        if isinstance(value, dict) or (isinstance(value, list | tuple) and any(isinstance(v, dict) for v in value)):
            flat |= _flat(value, f"{path}{key}.")
        else:
            flat[f"{path}{key}"] = value
    return flat
