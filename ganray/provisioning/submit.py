"""A verb as a job on a cluster: `ray job submit`, with the verb's own exit code and a Ctrl-C that stops it."""

import contextlib
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganray.config import read_yaml
from ganray.errors import GanrayError, UsageError
from ganray.provisioning.connect import API_SERVER
from ganray.provisioning.output import Output

PATIENCE_S = 180
"""So long may the job server be away while a job is followed: a cable, or a head that comes back."""


@dataclass(frozen=True)
class Submitted:
    """What came of a job.

    Attributes:
        id: By which Ray knows it.
        command: The plain Ray command.
        status: `SUCCEEDED`, `FAILED`, `STOPPED`; `PENDING` or `RUNNING` where nobody waited.
        exit_code: The verb's own; None while it has none.
    """

    id: str
    command: list[str]
    status: str
    exit_code: int | None


def submit(
    verb: Sequence[str],
    *,
    address: str,
    working_dir: str | Path | None = None,
    runtime_env: str | Path | None = None,
    name: str | None = None,
    wait: bool = True,
    tell: Callable[[str], None] = lambda line: None,
) -> Submitted:
    """Run a command as a job, with its output on stdout as it comes.

    Args:
        verb: The command and its arguments, as `["ganray", "train", …]`.
        address: Of the job server: http://HOST:8265.
        working_dir: Sent along, without what its .rayignore and .gitignore name; without it, the runtime environment's,
            else this folder.
        runtime_env: YAML file of Ray's runtime environment: env_vars, pip, …
        name: Of the job; the verb's and four random digits without it.
        wait: Whether to follow the job to its end. Ctrl-C then stops it.
        tell: Takes the plain Ray command before it runs, and what Ctrl-C does.

    Raises:
        UsageError: There is no such folder or file, or no Ray command.
        GanrayError: The job server can't be reached, or took no job.
    """
    environment: list[str] = []
    if runtime_env is not None:
        environment = ["--runtime-env", str(runtime_env)]
        own = read_yaml(runtime_env)  # says what is wrong with it before anything is sent
        working_dir = working_dir or (None if "working_dir" in own else ".")
    elif working_dir is None:
        working_dir = "."
    if working_dir is not None:
        if not Path(working_dir).is_dir():
            raise UsageError(f"there is no folder {working_dir}", mend="give --working-dir")
        environment += ["--working-dir", str(working_dir)]
    if shutil.which("ray") is None:
        raise UsageError("there is no ray command", mend="put the environment's bin folder on PATH")
    with _only(address):
        return _follow(verb, address, environment, name, wait, tell)


@contextlib.contextmanager
def _only(address: str) -> Iterator[None]:
    """Ray takes the environment's address before the one that it is given."""
    before = {key: os.environ.get(key) for key in ("RAY_ADDRESS", API_SERVER)}
    os.environ.update(dict.fromkeys(before, address))
    try:
        yield
    finally:
        for key, value in before.items():
            os.environ.pop(key)
            if value is not None:
                os.environ[key] = value


def _follow(
    verb: Sequence[str],
    address: str,
    environment: Sequence[str],
    name: str | None,
    wait: bool,
    tell: Callable[[str], None],
) -> Submitted:
    client = _client(address)
    job = name or f"{'-'.join(verb[:2])}-{secrets.token_hex(2)}".replace("/", "-")
    command = ["ray", "job", "submit", "--address", address, "--submission-id", job]
    command += [*environment, *(["--no-wait"] if not wait else []), "--", *verb]
    tell(f"$ {shlex.join(command)}")
    # In a session of its own: Ctrl-C is for the job, not for whoever reads its output.
    reader = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    output = Output(sys.stdout.fileno() if wait else None)
    try:
        output.of_submit(reader)
        if reader.returncode and not output.began:
            raise GanrayError(f"the job server at {address} took no job {job}", mend="see what ray says above")
        while not (info := _asked(client, job, address)).status.is_terminal() and wait:
            tell(f"the line to {address} was lost: {job} goes on, and is followed again")
            time.sleep(1)
            output.again(client, job)
    except KeyboardInterrupt:
        tell(f"stopping {job}: $ ray job stop --address {address} {job}")
        subprocess.run(["ray", "job", "stop", "--address", address, job], stdout=subprocess.DEVNULL, check=False)
        output.of_submit(reader)
        info = _asked(client, job, address)
    return Submitted(job, command, str(info.status.value), info.driver_exit_code)


def _asked(client: Any, job: str, address: str) -> Any:
    """What the job server knows of a job; it may be away for a while."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return client.get_job_info(job)
        except RuntimeError as error:
            raise GanrayError(
                f"the job server at {address} knows no job {job}", mend="see what ray says above"
            ) from error
        except OSError as error:  # what requests raises where nobody answers
            if time.monotonic() > until:
                raise GanrayError(
                    f"the job server at {address} did not answer for {PATIENCE_S} s; {job} may go on",
                    mend=f"when it is back: ray job logs --address {address} --follow {job}",
                ) from error
            time.sleep(1)


def _client(address: str) -> Any:
    """A client of the job server, which answers."""
    from ray.job_submission import JobSubmissionClient

    try:
        client = JobSubmissionClient(address)
        client.get_version()
    except Exception as error:  # Ray has no common base for what its client raises
        why = " ".join(str(error).split())[:300]
        raise GanrayError(
            f"no job server answers at {address}: {why}",
            mend="look at --address; a cluster with a token wants RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH",
        ) from error
    return client
