"""tools/scaling: every way of adding up gradients gives the same sums, and the model's arithmetic is a ring's."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

TOOLS = Path(__file__).parent.parent.parent / "tools" / "scaling"


@pytest.fixture
def tool(monkeypatch):
    """`tool("model")`: a script of tools/scaling as a module."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


def _sums(rank, port, folder):
    sys.path.insert(0, str(TOOLS))
    from reducers import Buckets, Flat

    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    torch.manual_seed(0)
    networks = [torch.nn.Sequential(*(torch.nn.Linear(64, 64) for _ in range(4))) for _ in range(2)]
    ways = [Flat(torch.float32), Flat(torch.bfloat16)]
    ways += [Buckets(networks, dtype, 40_000) for dtype in (torch.float32, torch.bfloat16)]
    x = torch.randn(8, 64, generator=torch.Generator().manual_seed(rank))
    told = {}
    for way in ways:
        way.active = True
        for _ in range(2):  # buckets are ready for the next update
            gradients = []
            for network in networks:
                network.zero_grad()
                network(x).square().mean().backward()
                way(network.parameters())
                gradients += [p.grad.clone() for p in network.parameters()]
        way.active = False
        told[way.name] = gradients
    if rank == 0:
        torch.save(told, Path(folder) / "told.pt")
    dist.barrier()
    dist.destroy_process_group()


def test_every_way_adds_up_alike(tmp_path):
    from ganray.provisioning.connect import free_port

    mp.spawn(_sums, (free_port(), str(tmp_path)), nprocs=2)
    told = torch.load(tmp_path / "told.pt")
    assert len(told) == 4
    exact = told["flat fp32"]
    for name, gradients in told.items():
        for wanted, got in zip(exact, gradients, strict=True):
            tolerance = 2e-2 if "bf16" in name else 1e-6
            assert (wanted - got).abs().max() <= tolerance * wanted.abs().max(), name


RECIPE = {
    "parameters": {"generator": 1_000_000, "discriminators": 2_000_000},
    "ways": {"none": {"step_s": 0.5}},
    "phases_s": {"generator.backward": 0.05, "discriminator.backward": 0.01},
}
LINK = {"latency_s": 0.002, "bytes_per_s": 100e6}


def test_a_ring_sends_every_byte_twice_but_for_a_share(tool):
    model = tool("model")
    assert model.sums_s(RECIPE, LINK, 2, 4, "generator") == pytest.approx(0.002 + 0.04)
    assert model.sums_s(RECIPE, LINK, 512, 2, "generator") == pytest.approx(1022 * 0.001 + 2 * 511 / 512 * 0.02)


def test_overlap_hides_no_more_than_the_backward_pass(tool):
    model = tool("model")
    assert model.step_s(RECIPE, LINK, 2) == pytest.approx(0.5 + 0.042 + 0.082)
    assert model.step_s(RECIPE, LINK, 2, overlap=True) == pytest.approx(0.5 + 0 + 0.072)
