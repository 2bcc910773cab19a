"""Loss curves of one run on 1, 2, 3 and 4 workers, on top of each other.

python tools/world_size.py DATASET docs/world-size.svg

Real process groups (gloo) on this machine; a small source-filter GAN with both networks learning from the first step.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from ganray.gan.run import Run
from ganray.models import load_run
from ganray.provisioning.connect import free_port
from ganray.training.lines import Lines
from ganray.training.loop import Job, Surroundings, train_loop
from ganray.training.worker import Worker

STEPS, BATCH, SIZES = 100, 16, (1, 2, 3, 4)
SMALL = [
    "generator.channels=64", "generator.inner=128", "generator.blocks=3", "generator.f0_channels=32",
    "discriminators.0.channels=[4,8,16]", "discriminators.1.channels=4", f"data.batch_size={BATCH}",
    "data.segment_length=8192", "optim.discriminator.start_step=0", "checkpoint.measure=mel",
    "validation.measures=[mel]",
    "log.every_steps=1", "validation.every_steps=1000", f"schedule.max_steps={STEPS}",
]  # fmt: skip
SHOWN = {"loss/generator/mel": "mel", "loss/generator/adversarial": "adversarial", "loss/discriminator/total": "D"}


def work(rank: int, size: int, port: int, run: str, dataset: str) -> None:
    """One of `size` workers."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=size)
    train_loop(Job(run, dataset), Worker(), Surroundings())
    dist.barrier()
    dist.destroy_process_group()


def curves(size: int, dataset: str, folder: Path) -> dict[str, list[float]]:
    """Losses of every step."""
    run = Run.create(folder / str(size), load_run("source_filter_small", SMALL), {"path": dataset, "digest": "0"})
    mp.spawn(work, (size, free_port(), str(run.path), dataset), nprocs=size)
    rows = [row for row in Lines.read(run.path / "metrics.jsonl") if "loss/generator/mel" in row]
    return {name: [row[name] for row in rows] for name in SHOWN}


def main(dataset: str, out: str) -> None:
    """Train on every number of workers, plot, and say how far the curves are apart."""
    matplotlib.use("svg")
    with tempfile.TemporaryDirectory() as folder:
        made = {size: curves(size, dataset, Path(folder)) for size in SIZES}
    figure, axes = plt.subplots(1, len(SHOWN), figsize=(11, 3), layout="constrained")
    for axis, (name, label) in zip(axes, SHOWN.items(), strict=True):
        for width, size in zip((5, 3.5, 2, 0.8), SIZES, strict=True):
            axis.plot(range(1, STEPS + 1), made[size][name], linewidth=width, label=f"{size} × {BATCH / size:.3g}")
        axis.set(title=label, xlabel="update")
        apart = [max(abs(a / b - 1) for a, b in zip(made[s][name], made[1][name], strict=True)) for s in SIZES[1:]]
        print(label, " ".join(f"{size} workers: {value:.2e}" for size, value in zip(SIZES[1:], apart, strict=True)))
    axes[0].legend()
    figure.savefig(out)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).absolute()), sys.argv[2])
