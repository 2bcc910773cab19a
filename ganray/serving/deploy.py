"""Put a Serve config onto Ray and wait until it answers: `serve deploy`, with Ray started where there is none.

with start("serve/local.yaml", port=0) as endpoint:
    requests.get(f"{endpoint.url}/v1/models")
"""

import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client, _set_global_client
from ray.serve.schema import ApplicationStatus, ServeDeploySchema

import ganray.errors
from ganray.config.serve import ServeConfig
from ganray.errors import ConfigError, GanrayError, PlacementError, UsageError
from ganray.provisioning.connect import connect, free_port
from ganray.serving.document import IMPORT_PATH, read

POLL_S = 0.1


class Endpoint:
    """A running service.

    Args:
        url: Where it answers.
        voices: The names of its voices.
        seconds: How long it took to be ready.
        applications: Their names in Serve.
        ends: What `stop` ends beside them: `ray` (with Serve in it), `serve`, both or neither.
    """

    def __init__(self, url: str, voices: list[str], seconds: float, applications: list[str], ends: set[str]) -> None:
        self.url, self.voices, self.seconds = url, voices, seconds
        self._applications, self._ends = applications, ends

    def stop(self) -> None:
        """End what `start` began, in order: requests that run are finished first. A second call does nothing."""
        ends, self._ends = self._ends, set()
        applications, self._applications = self._applications, []
        if not ray.is_initialized():
            return
        for name in applications:
            serve.delete(name)
        if "serve" in ends:
            serve.shutdown()
        if "ray" in ends:
            ray.shutdown()

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    config: str | Path | Mapping[str, Any] | ServeConfig,
    *,
    port: int | None = None,
    host: str | None = None,
    address: str | None = None,
    overrides: Sequence[str] = (),
    timeout_s: float = 300.0,
) -> Endpoint:
    """Deploy, and wait until the service answers.

    Args:
        config: A Serve YAML, what was read from one, or the `ServeConfig` of a service with everything else as usual.
        port: HTTP port instead of the file's; 0: a free one.
        host: HTTP host instead of the file's.
        address: A Ray cluster (`auto`, `host:6379`); None: the connected one, else `RAY_ADDRESS`, else a new one here.
        overrides: `--set` texts.
        timeout_s: How long to wait.

    Raises:
        ConfigError: With every problem of the file.
        PlacementError: The Ray that was started here can't hold the service.
        DataError: A voice can't be loaded.
        GanrayError: It doesn't come up in time, or Serve can't be reached.
        UsageError: Serve runs on that cluster already, and on another port.
    """
    begin = time.monotonic()
    if address and address.startswith("http"):
        raise UsageError(
            f"{address} is a dashboard, not a Ray cluster", mend=f"deploy there with: serve deploy -a {address} FILE"
        )
    document = read(_document(config), overrides)
    schema = ServeDeploySchema.model_validate(_located(document, host, port))
    connected = connect(address)
    here = connected and (address or os.environ.get("RAY_ADDRESS") or "local") == "local"
    if here:  # new, and so without Serve; what Serve remembers in this process was another Ray's
        _set_global_client(None)
    running = _get_global_client(raise_if_no_controller_running=False) is not None
    # A Ray of our own takes Serve with it, without the alarm that Ray raises over a controller's end.
    ends = {"ray"} if here else ({"ray"} if connected else set()) | (set() if running else {"serve"})
    names = [application.name for application in schema.applications]
    before = set(serve.status().applications) if running else set()
    endpoint = Endpoint(_url(schema), _voices(document), 0.0, names, ends)
    try:
        if here:
            _must_fit(document)
        serve.start(
            proxy_location=schema.proxy_location,
            http_options=schema.http_options.model_dump(),
            logging_config=schema.logging_config,
            controller_options=schema.controller_options,
        )
        # The one private door: `serve deploy` and `serve run FILE` end here too. The public `serve.run` would replace
        # the replicas of a service that runs already, where this updates it in place.
        client = _get_global_client()
        if running and client.http_config.port != schema.http_options.port:
            raise UsageError(
                "Serve runs on this cluster already, on another port",
                got=client.http_config.port,
                want=schema.http_options.port,
                mend=f"use --port {client.http_config.port}, or end it first: serve shutdown",
            )
        client.deploy_apps(schema)
        _wait(names, endpoint.url, begin + timeout_s)
    except BaseException as error:
        Endpoint("", [], 0.0, [name for name in names if name not in before], ends).stop()
        if isinstance(error, RayError | TimeoutError):
            raise GanrayError(
                f"Serve did not start: {error}", mend="look at `ray status`; is the machine busy?"
            ) from error
        raise
    endpoint.seconds = time.monotonic() - begin
    return endpoint


def _document(config: str | Path | Mapping[str, Any] | ServeConfig) -> str | Path | Mapping[str, Any]:
    if not isinstance(config, ServeConfig):
        return config
    return {
        "proxy_location": "HeadOnly",
        "http_options": {"host": "127.0.0.1"},
        "applications": [
            {"name": "speech", "route_prefix": "/", "import_path": IMPORT_PATH, "args": config.model_dump(mode="json")}
        ],
    }


def _located(document: dict[str, Any], host: str | None, port: int | None) -> dict[str, Any]:
    """`document` with its address as asked, and voice folders that mean the same on every node."""
    http = dict(document.get("http_options") or {})
    http |= {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    if http.get("port") == 0:
        http["port"] = free_port()
    applications = []
    for application in document.get("applications") or []:
        if application.get("import_path") == IMPORT_PATH:
            voices = {name: _absolute(source) for name, source in application["args"]["voices"].items()}
            args = application["args"] | {"voices": voices}
            if (args.get("access") or {}).get("keys"):
                args["access"] = args["access"] | {"keys": str(Path(args["access"]["keys"]).resolve())}
            if (args.get("listening") or {}).get("tests"):
                args["listening"] = args["listening"] | {"tests": str(Path(args["listening"]["tests"]).resolve())}
            application = application | {"args": args}
        applications.append(application)
    return document | {"http_options": http, "applications": applications}


def _absolute(source: str) -> str:
    return str(Path(source).resolve()) if Path(source).exists() else source


def _must_fit(document: dict[str, Any]) -> None:
    """What can never start must not be waited for."""
    have = ray.cluster_resources()
    need = {"CPU": 0.0, "GPU": 0.0}
    for application in document["applications"]:
        if application.get("import_path") != IMPORT_PATH:
            continue
        config = ServeConfig.model_validate(application["args"])
        replicas = config.autoscaling.min_replicas if config.shares else 0
        replicas += sum(bounds.min_replicas for bounds in config.autoscaling.voices.values())
        need["CPU"] += replicas * config.replica.threads
        need["CPU"] += config.ingress.replicas * config.ingress.cpus
        need["GPU"] += replicas * config.replica.gpus
    for kind, amount in need.items():
        if amount > have.get(kind, 0):
            raise PlacementError(
                f"the service needs more {kind}s than this machine has",
                got=f"{have.get(kind, 0):g}",
                want=f"{amount:g}",
                mend="lower autoscaling.min_replicas or replica.threads, or serve on a cluster with --address",
            )


def _wait(names: list[str], url: str, deadline: float) -> None:
    """Until every application runs."""
    while True:
        applications = serve.status().applications
        found = [applications[name] for name in names if name in applications]
        for application in found:
            if application.status == ApplicationStatus.DEPLOY_FAILED:
                # The cause stands with the application, or only with its deployment, as Ray gets to it.
                causes = [d.message for d in application.deployments.values()]
                raise _failure("\n".join([application.message, *causes]))
        if len(found) == len(names) and all(a.status == ApplicationStatus.RUNNING for a in found):
            return
        if time.monotonic() > deadline:
            told = "; ".join(d.message for a in found for d in a.deployments.values() if d.message)
            raise GanrayError(
                "the service did not come up in time",
                url=url,
                mend=f"look at `serve status`{': ' + told if told else ''}",
            )
        time.sleep(POLL_S)


def _failure(message: str) -> GanrayError:
    """Serve tells a failed start as text; of an error of ours in it, the error itself."""
    told = re.findall(r"ganray\.errors\.(\w+): (.*)", message)
    if told:
        kind, words = told[-1]
        return getattr(ganray.errors, kind, ConfigError)(words)
    return GanrayError(f"the service could not start: {message.strip()}")


def _url(schema: ServeDeploySchema) -> str:
    options = schema.http_options
    host = "127.0.0.1" if options.host in ("0.0.0.0", "::", "") else options.host
    return f"{'https' if options.ssl_certfile else 'http'}://{host}:{options.port}{options.root_path}"


def _voices(document: dict[str, Any]) -> list[str]:
    ours = [a for a in document["applications"] if a.get("import_path") == IMPORT_PATH]
    return [name for application in ours for name in application["args"]["voices"]]
