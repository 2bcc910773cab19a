"""A sweep's folder has one driver."""

import multiprocessing
import os
import signal

import pytest

from ganray.errors import DataError, UsageError
from ganray.tuning import resume
from ganray.tuning.writer import only_writer


def test_a_second_driver_is_refused_and_told_who_the_first_is(tmp_path):
    with only_writer(tmp_path):
        with pytest.raises(UsageError, match="another driver is at the sweep") as caught:
            resume(tmp_path, quiet=True)
        assert caught.value.facts["driver"].startswith(f"process {os.getpid()} on ")
        assert "wait until it has ended" in caught.value.mend
    with pytest.raises(DataError, match="no sweep"):  # the lock is free again; there is nothing to take up
        resume(tmp_path, quiet=True)


def test_the_lock_goes_with_a_driver_that_was_killed(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    driver = context.Process(target=_hold, args=(tmp_path, ready))
    driver.start()
    assert ready.wait(120)
    with pytest.raises(UsageError), only_writer(tmp_path):
        pass
    os.kill(driver.pid, signal.SIGKILL)
    driver.join()
    with only_writer(tmp_path):
        pass


def _hold(folder, ready):
    with only_writer(folder):
        ready.set()
        signal.pause()


def test_a_folder_that_holds_no_sweep_is_left_as_it_is(tmp_path):
    with pytest.raises(DataError, match="no sweep"):
        resume(tmp_path / "nothing", quiet=True)
    assert not (tmp_path / "nothing").exists()
