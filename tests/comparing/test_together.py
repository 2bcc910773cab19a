"""Several trainings in one process: how they are stopped, and what is heard of each."""

import _thread
import signal
import threading
import time
from types import SimpleNamespace

import pytest

from ganray.comparing.together import together
from ganray.errors import DivergedError


@pytest.fixture(autouse=True)
def a_process_that_hears_ctrl_c():
    """What a shell starts with & has SIGINT ignored, and tests are started so, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Training:
    """Trainings that end when they are asked to, as one on Ray does."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.both = threading.Event()

    def __call__(self, name, shown_by):
        asked = threading.Event()
        shown_by(SimpleNamespace(), SimpleNamespace(stop=SimpleNamespace(remote=asked.set)))
        self.begun.append(name)
        if len(self.begun) == 2:
            self.both.set()
        assert asked.wait(20)
        return False


def interrupt_after(event):
    """Ctrl-C once `event` is there, and the main thread is back from what set it off."""
    event.wait(20)
    time.sleep(0.3)
    _thread.interrupt_main()


def test_ctrl_c_asks_all_that_run_for_an_end_and_begins_no_other():
    training = Training()
    threading.Thread(target=interrupt_after, args=(training.both,), daemon=True).start()
    ended = {name: outcome.result() for name, outcome in together(["a", "b", "c"], 2, training)}
    assert ended == {"a": False, "b": False}
    assert sorted(training.begun) == ["a", "b"]


def test_a_second_ctrl_c_is_raised():
    begun, over = threading.Event(), threading.Event()

    def stubborn(name, shown_by):
        shown_by(SimpleNamespace(), SimpleNamespace(stop=SimpleNamespace(remote=_thread.interrupt_main)))
        begun.set()
        over.wait(20)
        return False

    threading.Thread(target=interrupt_after, args=(begun,), daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(together(["a"], 1, stubborn))
    finally:
        over.set()


def test_one_that_fails_ends_itself_alone():
    def train(name, shown_by):
        if name == "b":
            raise DivergedError("not a number")
        return True

    ended = dict(together(["a", "b", "c"], 2, train))
    assert ended["a"].result() is ended["c"].result() is True
    with pytest.raises(DivergedError):
        ended["b"].result()
