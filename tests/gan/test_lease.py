"""A run has one writer: who comes second is refused, and who was taken for dead writes no more when it wakes."""

import contextlib
import json
import subprocess
import sys
import threading
import time

import pytest

from ganray.errors import HeldError
from ganray.gan import GanState, lease
from ganray.gan.fence import Fence
from ganray.gan.lease import LEASE, Lease
from ganray.gan.run import Run

ABOUT = {"path": "/nowhere", "digest": "0"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    monkeypatch.setattr(lease, "STALE_S", 1.5)


def left_by(folder, **facts):
    """The lease of a training that is not here."""
    folder.mkdir(exist_ok=True)
    told = {"token": "0", "job": "", "host": "elsewhere", "pid": 1, "process": "", "beat": time.time()} | facts
    (folder / LEASE).write_text(json.dumps(told))
    return told


def test_who_comes_second_is_refused_and_told_whom_to_stop(tmp_path):
    with Lease(tmp_path / "run", "raysubmit_1").held():
        with pytest.raises(HeldError, match="job raysubmit_1, process") as caught, Lease(tmp_path / "run").held():
            pass
        assert caught.value.exit_code == 1
        assert "ray job stop raysubmit_1" in caught.value.mend
        assert "--resume" in caught.value.mend
    with Lease(tmp_path / "run").held():  # given back
        pass
    assert not (tmp_path / "run").exists(), "nothing is left where nothing was made"


def test_of_two_that_begin_at_once_one_is_refused(tmp_path):
    held, refused = [], []
    together = threading.Barrier(2)

    def begin():
        mine = Lease(tmp_path)
        together.wait()
        try:
            with mine.held():
                held.append(mine.token)
                time.sleep(1)
        except HeldError:
            refused.append(mine.token)

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(held), len(refused)) == (1, 1)


def test_who_was_killed_on_this_machine_holds_nothing(tmp_path):
    held = f"with Lease({str(tmp_path)!r}).held(): print(flush=True); time.sleep(99)"
    code = f"import time; from ganray.gan.lease import Lease\n{held}"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    child.stdout.readline()
    with pytest.raises(HeldError, match=f"process {child.pid}"), Lease(tmp_path).held():
        pass
    child.kill()
    child.wait()
    told: list[str] = []
    with Lease(tmp_path).held(tell=told.append):
        assert told == [], "the kernel knows at once"


def test_who_is_elsewhere_is_watched(tmp_path):
    left_by(tmp_path / "dead")
    told: list[str] = []
    began = time.monotonic()
    with Lease(tmp_path / "dead").held(tell=told.append):
        assert time.monotonic() - began > 1.5
    assert "elsewhere" in told[0]
    facts = left_by(tmp_path / "alive", job="j")
    beat = threading.Timer(0.3, lambda: left_by(tmp_path / "alive", **facts | {"beat": time.time()}))
    beat.start()
    with pytest.raises(HeldError, match="on elsewhere"), Lease(tmp_path / "alive").held():
        pass
    beat.join()


def test_what_was_left_long_ago_is_not_watched(tmp_path):
    left_by(tmp_path / "old", beat=time.time() - 7200)
    with Lease(tmp_path / "old").held(tell=lambda line: pytest.fail(line)):
        pass


def test_a_trial_that_is_begun_again_takes_over_and_the_old_one_takes_nothing_back(tmp_path):
    old, new = Lease(tmp_path / "run"), Lease(tmp_path / "run")
    with contextlib.ExitStack() as later, old.held():
        later.enter_context(new.held(take_over=True))
        time.sleep(0.5)  # the old one would have renewed its own
        assert json.loads((tmp_path / "run" / LEASE).read_text())["token"] == new.token
        new_ends = later.pop_all()
    assert json.loads((tmp_path / "run" / LEASE).read_text())["token"] == new.token
    new_ends.close()
    assert not (tmp_path / "run").exists()


def test_an_older_writer_leaves_no_checkpoint_and_no_half_of_one(tiny_run, tmp_path):
    Run.create(tmp_path / "run", tiny_run(), ABOUT)
    old, new = Run.open(tmp_path / "run"), Run.open(tmp_path / "run")
    state = GanState(old.config)
    old.guard(Fence(old.where))
    state.step = 1
    old.save(state)
    new.guard(Fence(new.where))
    state.step = 2
    for write in (lambda: old.save(state), lambda: old.enter(1, {"mel": 1.0}), lambda: old.forget(0)):
        with pytest.raises(HeldError, match="has taken over"):
            write()
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["step-0000001.pt"]
    new.save(state)
    assert new.steps() == [1, 2]


def test_an_older_writer_sends_nothing_more_to_storage(s3, tiny_run, tmp_path):
    uri = s3.at(f"runs/{tmp_path.name}")
    Run.create(uri, tiny_run(), ABOUT)
    old = Run.open(uri)
    state = GanState(old.config)
    old.guard(Fence(uri))
    state.step = 1
    old.save(state)
    while "checkpoints/step-0000001.pt" not in old.away.storage.files():
        time.sleep(0.05)
    new = Run.open(uri)
    new.guard(Fence(uri))
    state.step = 2
    old.save(state)  # at home, as if storage did not answer meanwhile
    old.close()
    assert Run.open(uri).steps() == [1]
    with pytest.raises(HeldError):
        old.hold()


def test_a_worker_whose_training_lost_its_lease_does_not_begin(tmp_path):
    with Lease(tmp_path).held(), pytest.raises(HeldError):
        Fence(str(tmp_path), "another")
