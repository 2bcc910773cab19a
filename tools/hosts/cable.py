"""A bad cable between two network interfaces, for kernels without tc's netem: frames are lost, and come late.

Started by host.py in the switch's namespace, where it makes the TAP devices NEAR and FAR and carries frames between
them until it is ended. Each direction loses and delays by itself.

Example:
    ip netns exec SWITCH python cable.py NEAR FAR --delay-ms 50 --loss-percent 5
"""

import argparse
import collections
import fcntl
import os
import random
import select
import struct
import time

_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
"""From Linux's if_tun.h."""
_FRAME_BYTES = 65536


def main() -> None:
    """Carry frames for ever."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devices", nargs=2)
    parser.add_argument("--delay-ms", type=float, default=0)
    parser.add_argument("--loss-percent", type=float, default=0)
    told = parser.parse_args()
    near, far = (_tap(name) for name in told.devices)
    other = {near: far, far: near}
    waiting: collections.deque[tuple[float, int, bytes]] = collections.deque()  # one delay: first in, first out
    draw = random.Random(0)
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([near, far], [], [], patience)
        for device in ready:
            frame = os.read(device, _FRAME_BYTES)
            if draw.uniform(0, 100) >= told.loss_percent:
                waiting.append((time.monotonic() + told.delay_ms / 1000, other[device], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, device, frame = waiting.popleft()
            os.write(device, frame)


def _tap(name: str) -> int:
    """A new TAP device's file descriptor."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return device


if __name__ == "__main__":
    main()
