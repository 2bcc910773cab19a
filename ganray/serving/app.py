"""The service on Ray Serve: an HTTP front, and behind it as many generators as the load asks for.

    client ── Ingress (HTTP, decoding, encoding) ──▶ Generator × min_replicas … max_replicas

`build` is what `import_path: ganray.serving.app:build` in a Serve YAML names.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.config import BackpressureConfig
from ray.serve.handle import DeploymentHandle

from ganray.config import load
from ganray.config.serve import ServeConfig, serve_rules
from ganray.errors import GanrayError
from ganray.serving import keys
from ganray.serving.errors import as_api_errors
from ganray.serving.routes import VoiceInfo, create_app

T = TypeVar("T")


def build(args: dict) -> Application:
    """The application that a Serve YAML's `args` describe.

    Raises:
        ConfigError: They are no `ServeConfig`.
    """
    config = load(ServeConfig, args, rules=serve_rules)
    scaling = config.autoscaling.model_dump(exclude={"report_every_s"})
    scaling["metrics_interval_s"] = config.autoscaling.report_every_s  # Ray compares it with look_back_period_s …
    reports = {"env_vars": _report_every(config.autoscaling.report_every_s)}  # … and goes by these
    generator = serve.deployment(
        autoscaling_config=scaling,
        max_ongoing_requests=config.replica.max_ongoing_requests,
        max_queued_requests=config.queue.max_queued_requests,
        backpressure_config=BackpressureConfig(
            status_code=config.queue.status_code, retry_after_s=config.queue.retry_after_s
        ),
        ray_actor_options={
            "num_cpus": config.replica.threads,
            "num_gpus": config.replica.gpus,
            "runtime_env": reports,
        },
        max_constructor_retry_count=2,  # a voice that can't be loaded will not load the twentieth time
        graceful_shutdown_timeout_s=60,
    )(Generator)
    ingress = serve.deployment(
        num_replicas=config.ingress.replicas,
        max_ongoing_requests=config.ingress.max_ongoing_requests,
        ray_actor_options={"num_cpus": config.ingress.cpus, "runtime_env": reports},
        graceful_shutdown_timeout_s=60,
    )(serve.ingress(_asgi)(Ingress))
    return ingress.bind(generator.bind(config), config)


def _report_every(seconds: float) -> dict[str, str]:
    names = (
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S",
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S",
    )
    return {name: str(seconds) for name in names}


class Generator:
    """One replica: every voice, and one thread that makes blocks for all its requests in turn."""

    def __init__(self, config: ServeConfig) -> None:
        import torch

        from ganray.voice import Voice

        torch.set_num_threads(config.replica.threads)
        device = "cuda" if config.replica.gpus else "cpu"
        self.config = config
        self._voices = {name: Voice.load(source, device) for name, source in config.voices.items()}
        self._thread = ThreadPoolExecutor(1, "blocks")

    def voices(self) -> dict[str, VoiceInfo]:
        """What the front must know of every voice."""
        return {
            name: VoiceInfo(
                name=name,
                kind=voice.kind,
                audio=voice.audio,
                digest=voice.digest,
                num_parameters=voice.num_parameters,
                scores=(voice.card.get("origin") or {}).get("scores") or {},
            )
            for name, voice in self._voices.items()
        }

    async def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncIterator[np.ndarray]:
        """Blocks of float32 samples from a waveform (T,) at the voice's rate, or from its mel (M, F).

        When the client goes away this is cancelled at an `await`: at most one more block is made.
        """
        speaker, stream = self._voices[voice], self.config.stream

        def begin() -> Any:
            mel = signal if signal.ndim == 2 else speaker.mel(signal)
            return iter(
                speaker.stream(mel, seed=seed, first_frames=stream.first_frames, block_frames=stream.block_frames)
            )

        async for block in self._blocks(begin, voice):
            yield block

    async def speak(
        self, voice: str, text: str, delivery: dict[str, Any], seed: int, markup: bool
    ) -> AsyncIterator[np.ndarray]:
        """Blocks of float32 samples from a text, as soon as each is made."""
        speaker, stream = self._voices[voice], self.config.stream

        def begin() -> Any:
            from ganray.voice import Delivery

            blocks = speaker.speak(
                text,
                Delivery(**delivery),
                seed=seed,
                markup=markup,
                first_frames=stream.first_frames,
                block_frames=stream.block_frames,
            )
            return (block.waveform for block in blocks)

        async for block in self._blocks(begin, voice):
            yield block

    async def _blocks(self, begin: Callable[[], Any], voice: str) -> AsyncIterator[np.ndarray]:
        blocks = await self._in_turn(begin)
        while (block := await self._in_turn(lambda: next(blocks, None))) is not None:
            if not np.isfinite(block).all():
                raise GanrayError("the voice made NaN", voice=voice, mend="export an earlier checkpoint")
            yield block

    async def _in_turn(self, work: Callable[[], T]) -> T:
        """Run `work` in the one thread, after what other requests have waiting there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _asgi() -> FastAPI:
    return create_app(lambda: serve.get_replica_context().servable_object)


class Ingress:
    """The HTTP front of the generators."""

    def __init__(self, generator: DeploymentHandle, config: ServeConfig) -> None:
        if config.access.keys:
            keys.read(Path(config.access.keys))  # a front with a damaged file does not start
        self.config = config
        self._generator = generator
        self._voices: dict[str, VoiceInfo] | None = None

    async def voices(self) -> dict[str, VoiceInfo]:
        """Every voice, by name; asked of a generator once."""
        if self._voices is None:
            with as_api_errors():
                self._voices = await self._generator.voices.remote()
        return self._voices

    async def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncIterator[np.ndarray]:
        """Blocks of float32 samples from a generator."""
        with as_api_errors():
            async for block in self._generator.options(stream=True).vocode.remote(voice, signal, seed):
                yield block

    async def speak(
        self, voice: str, text: str, delivery: dict[str, Any], seed: int, markup: bool
    ) -> AsyncIterator[np.ndarray]:
        """Blocks of float32 samples from a generator."""
        with as_api_errors():
            async for block in self._generator.options(stream=True).speak.remote(voice, text, delivery, seed, markup):
                yield block
