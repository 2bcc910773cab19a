"""How a verb is told to stop: Ctrl-C, `ray job stop`, Slurm, or the pipeline that it is a step of."""

import os
import signal
import threading

STEP = "GANRAY_STEP"
"""In the environment of a pipeline's steps."""


def is_step() -> bool:
    """Whether a pipeline tells this process when to stop, by SIGINT."""
    return bool(os.environ.get(STEP))


def stop_as_ctrl_c() -> None:
    """Let SIGTERM, by which `ray job stop` and Slurm end a job, do what Ctrl-C does; Ray's handler leaves at once.

    Both tell every process of a job. A pipeline's step hears it by SIGINT from the pipeline, too, and who is told twice
    leaves without a checkpoint: it listens to the pipeline alone.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN if is_step() else signal.default_int_handler)
