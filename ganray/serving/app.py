"""The service on Ray Serve: an HTTP front, and behind it as many generators as the load asks for.

    client ── Ingress (HTTP, decoding, encoding) ─┬▶ Generator × min_replicas … max_replicas
                                                  └▶ Generator-NAME: of a voice with replicas of its own

`build` is what `import_path: ganray.serving.app:build` in a Serve YAML names.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.config import BackpressureConfig
from ray.serve.handle import DeploymentHandle

from ganray.blind.collection import Collection
from ganray.config import load
from ganray.config.serve import ServeConfig, serve_rules
from ganray.provisioning import pools
from ganray.serving import keys, meters
from ganray.serving.errors import ApiError, as_api_errors
from ganray.serving.generator import Answer, Generator
from ganray.serving.health import Sound, Ward
from ganray.serving.routes import create_app
from ganray.serving.service import VoiceInfo
from ganray.serving.shelf import Shelf
from ganray.serving.speech import Reading
from ganray.serving.traffic import Traffic
from ganray.serving.turns import Playback
from ganray.voice.speech import Block

log = logging.getLogger("ray.serve")
MOST_BYTES = 2**30
"""Of what one replica sends another. Ray's 4 MB are 43 s of sound; `limits` in the config are what is meant to bind."""


def build(args: dict) -> Application:
    """The application that a Serve YAML's `args` describe.

    Raises:
        ConfigError: They are no `ServeConfig`.
    """
    config = load(ServeConfig, args, rules=serve_rules)
    scaling = config.autoscaling.model_dump(exclude={"report_every_s", "policy", "drain_s", "first_wait_s", "voices"})
    if config.autoscaling.policy == "backlog":
        arguments = config.autoscaling.model_dump(include={"drain_s", "first_wait_s"})
        scaling["policy"] = {"policy_function": "ganray.serving.scaling:OnBacklog", "policy_kwargs": arguments}
    scaling["metrics_interval_s"] = config.autoscaling.report_every_s  # Ray compares it with look_back_period_s …
    process = {"env_vars": _environment(config.autoscaling.report_every_s)}  # … and goes by these
    place = {"resources": pools.share("serve")}  # the machines that serve, where somebody said which
    generator = serve.deployment(
        name="Generator",
        autoscaling_config=scaling,
        max_ongoing_requests=config.replica.max_ongoing_requests,
        max_queued_requests=config.queue.max_queued_requests,
        backpressure_config=BackpressureConfig(
            status_code=config.queue.status_code, retry_after_s=config.queue.retry_after_s
        ),
        ray_actor_options={
            "num_cpus": config.replica.threads,
            "num_gpus": config.replica.gpus,
            "runtime_env": process,
            **place,
        },
        max_constructor_retry_count=2,  # a voice that can't be loaded will not load the twentieth time
        graceful_shutdown_timeout_s=60,
    )(Generator)
    ingress = serve.deployment(
        num_replicas=config.ingress.replicas,
        max_ongoing_requests=config.ingress.max_ongoing_requests,
        ray_actor_options={"num_cpus": config.ingress.cpus, "runtime_env": process, **place},
        graceful_shutdown_timeout_s=60,
    )(serve.ingress(_asgi)(Ingress))
    own = {
        name: generator.options(name=f"Generator-{name}", autoscaling_config=scaling | bounds.model_dump()).bind(
            config, name
        )
        for name, bounds in config.autoscaling.voices.items()
    }
    first = next(iter(config.shared_voices), None)
    return ingress.bind(generator.bind(config, first) if config.shares else None, config, own)


def _environment(report_every_s: float) -> dict[str, str]:
    """What Ray Serve reads in the processes of replicas, and nowhere else."""
    return {
        "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": str(report_every_s),
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": str(report_every_s),
        "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(MOST_BYTES),
    }


def _asgi() -> FastAPI:
    return create_app(lambda: serve.get_replica_context().servable_object)


class Ingress:
    """The HTTP front of the generators.

    Args:
        generator: Shared by all voices that are not in `own`; None: there are none.
        config: Of the service.
        own: Generators of one voice each, by its name.
    """

    def __init__(
        self, generator: DeploymentHandle | None, config: ServeConfig, own: Mapping[str, DeploymentHandle]
    ) -> None:
        if config.access.keys:
            keys.read(Path(config.access.keys))  # a front with a damaged file does not start
        if config.listening.tests:
            Collection(config.listening.tests)  # nor does one that has nowhere to put results
        self.config = config
        self._shared = generator and generator.options(stream=True)
        self._own = {name: handle.options(stream=True) for name, handle in own.items()}
        self._shelf = Shelf(config)
        self._traffic = Traffic(config.shelf)
        self._ward = Ward()
        self._meters = meters.ForIngress()

    async def voices(self) -> dict[str, VoiceInfo]:
        """Every voice, by name."""
        return {name: VoiceInfo.of(name, voice) for name, voice in self._shelf.voices().items()}

    def route(self, name: str) -> str:
        """The voice that answers one request for this name."""
        return self._traffic.choose(name)

    def health(self, voice: str) -> dict[str, Any]:
        """How it did in the requests that came through here."""
        return self._ward.of(voice)

    def vocode(self, voice: str, signal: np.ndarray, seed: int) -> AsyncGenerator[Block, None]:
        """Blocks from a generator."""
        return self._watched(voice, lambda: self._generator(voice).vocode.remote(voice, signal, seed))

    def speak(
        self, voice: str, text: str, delivery: dict[str, Any], seed: int, reading: Reading
    ) -> AsyncGenerator[Block, None]:
        """Blocks from a generator."""
        asked = voice, text, delivery, seed, reading
        return self._watched(voice, lambda: self._generator(voice).speak.remote(*asked))

    def _generator(self, voice: str) -> DeploymentHandle:
        return self._own.get(voice, self._shared)

    async def _watched(self, voice: str, begin: Callable[[], AsyncIterator[Answer]]) -> AsyncGenerator[Block, None]:
        """The blocks, counted; Ray's errors as ours."""
        rate = self._shelf.voices()[voice].audio.sample_rate
        playback, sound, end = Playback(self.config.stream.first_audio_s), Sound(), "left"
        blocks: Any = None
        try:
            with as_api_errors():
                blocks = begin()
                while (block := await self._next(blocks)) is not None:
                    if isinstance(block, Exception):
                        raise block
                    playback.add(len(block.waveform) / rate)
                    sound.hear(block.waveform)
                    yield block
            end = "whole"
        except ApiError as error:
            end = "refused" if error.status < 500 else "failed"
            raise
        except Exception:
            end = "failed"
            raise
        finally:
            if blocks is not None and end in ("left", "failed"):
                with suppress(Exception):  # of a replica that is dead, too
                    blocks.cancel()  # Ray does it for requests that came through its own proxy alone
            if end != "refused":
                self._ward.note(voice, end, sound, playback.first_audio_s)
            self._told(voice, end, playback)

    async def _next(self, blocks: AsyncIterator[Answer]) -> Answer | None:
        """The next of them; None: that was all.

        Raises:
            ApiError: 504: it does not come in time.
        """
        stall_s = self.config.limits.stall_s

        async def following() -> Answer | None:
            return await anext(blocks, None)

        try:
            return await asyncio.wait_for(following(), stall_s)
        except asyncio.TimeoutError as error:
            told = f"no replica made anything for {stall_s:g} s"
            raise ApiError(504, told, code="replica_timeout", retry_after_s=1, mend="come again") from error

    def _told(self, voice: str, end: str, playback: Playback) -> None:
        seconds, first = time.monotonic() - playback.asked, playback.first_audio_s
        if first is not None:
            self._meters.first_audio(voice, first)
        self._meters.ended(voice, end, playback.made_s, seconds, playback.dry_s > 0)
        told = f"first audio {first * 1000:.0f} ms, " if first is not None else ""
        log.info(
            f"stream {end}: {voice}, {told}{playback.made_s:.2f} s of audio in {seconds:.2f} s",
            extra={"voice": voice, "end": end, "audio_s": round(playback.made_s, 3), "seconds": round(seconds, 3)}
            | ({} if first is None else {"first_audio_s": round(first, 4)}),
        )
