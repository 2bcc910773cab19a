"""Gives back what stopped trials leave behind.

When Tune stops a trial, its process ends at once, and with it the controller of the nested training. The placement
group that the controller made stays until the whole job ends, and the next trial waits for it for ever. Ray Train has a
cleaner for that, which needs the cluster's dashboard, and which learns of a group only after its workers started. This
asks the control store itself, whose answer is always there.
"""

import contextlib
import threading
import time

import ray
from ray._private.state import state as control_store
from ray.core.generated import gcs_pb2
from ray.util.placement_group import PlacementGroup, remove_placement_group

EVERY_S = 0.5


class Reaper:
    """Removes what dead trials of this job left behind: for a while after each `look`, and at the end.

    Args:
        patience_s: How long after a trial's end its controller may take to die.
    """

    def __init__(self, patience_s: float = 20) -> None:
        self._patience_s, self._until = patience_s, 0.0
        self._wanted, self._ended = threading.Event(), False
        self.removed = 0
        self._thread = threading.Thread(target=self._watch, name="reaper", daemon=True)

    def look(self) -> None:
        """A trial ended: look for what it left, now and for a while."""
        self._until = time.monotonic() + self._patience_s
        self._wanted.set()

    def __enter__(self) -> "Reaper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until nothing is left, or patience ends."""
        self._ended = True
        self._wanted.set()
        self._thread.join()
        until = time.monotonic() + self._patience_s
        while groups() and time.monotonic() < until:
            self.removed += reap()
            time.sleep(0.2)

    def _watch(self) -> None:
        # Not all the time: a call that is cut off by the end of the cluster ends the whole process.
        while not self._ended:
            self._wanted.wait()
            self._wanted.clear()
            while not self._ended and time.monotonic() < self._until:
                with contextlib.suppress(Exception):  # the control store is busy; the next round asks again
                    self.removed += reap()
                time.sleep(EVERY_S)


def reap() -> int:
    """Remove the placement groups of this job whose maker is dead; how many there were."""
    store = control_store._connect_and_get_accessor()
    orphans = [group for group in groups() if _is_dead(store, group.creator_actor_id)]
    for group in orphans:
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))
    return len(orphans)


def groups() -> list[gcs_pb2.PlacementGroupTableData]:
    """Placement groups made by actors of this job that still hold or ask for resources."""
    store, job = control_store._connect_and_get_accessor(), ray.get_runtime_context().get_job_id()
    found = [gcs_pb2.PlacementGroupTableData.FromString(data) for data in store.get_placement_group_table()]
    return [
        group
        for group in found
        if group.creator_job_id.hex() == job
        and group.creator_actor_id.strip(b"\xff")
        and group.state != gcs_pb2.PlacementGroupTableData.REMOVED
    ]


def _is_dead(store: object, actor: bytes) -> bool:
    data = store.get_actor_info(ray.ActorID(actor))  # type: ignore[attr-defined]
    return data is None or gcs_pb2.ActorTableData.FromString(data).state == gcs_pb2.ActorTableData.DEAD
