"""Workers die, clips break, packages are missing: on real Ray."""

import os
from pathlib import Path

import pytest

from ganray.errors import ConfigError, DataError, GanrayError
from ganray.evaluating.pool import Pool

pytestmark = pytest.mark.ray


@pytest.fixture
def worker():
    """A worker whose clips do what their number says. Made here, so that Ray sends the code and not a module's name."""

    class Worker:
        def __init__(self, folder: str, loads: str = "well") -> None:
            self.folder, self.loads = Path(folder), loads

        def ready(self) -> None:
            if self.loads == "badly":
                raise DataError("no voice at nowhere", mend="look elsewhere")

        def score(self, index: int, shown: bool) -> tuple:
            if index == 1:
                os._exit(1)
            if index == 2 and not (self.folder / "died").exists():
                (self.folder / "died").touch()
                os._exit(1)
            if index == 3:
                raise DataError("a shard can't be read")
            if index == 4:
                raise ConfigError("pesq is missing", mend="install it")
            return index, shown

    return Worker


def test_a_clip_that_ends_its_worker_twice_is_told_and_the_others_are_judged(worker, ray_session, tmp_path):
    pool = Pool(2, str(tmp_path), worker=worker)
    results = dict(pool.run([(0, True), (1, False), (2, False), (3, False), (5, False)]))
    assert results == {
        0: (0, True),
        1: "the worker that judged it died, twice",
        2: (2, False),
        3: "a shard can't be read",
        5: (5, False),
    }


def test_a_missing_package_ends_it_with_its_own_error(worker, ray_session, tmp_path):
    with pytest.raises(ConfigError, match="pesq is missing; install it"):
        list(Pool(1, str(tmp_path), worker=worker).run([(4, False), (0, False)]))


def test_a_voice_that_cannot_be_loaded_ends_it_with_its_own_error(worker, ray_session, tmp_path):
    with pytest.raises(DataError, match="no voice at nowhere; look elsewhere") as caught:
        list(Pool(2, str(tmp_path), "badly", worker=worker).run([(0, False), (5, False)]))
    assert isinstance(caught.value, GanrayError)
    assert caught.value.exit_code == 4
