"""The generators alone: what the same cores give without HTTP, Ray or anybody waiting."""

import multiprocessing
import time
from multiprocessing.pool import Pool

from ganray.serving.load import SENTENCES


def throughput(voice: str, processes: int, seconds: float = 10.0) -> float:
    """Audio seconds a second of a plain loop over the sentences, in so many processes of one thread each.

    Raises:
        DataError, UsageError: As `open_reader`.
    """
    with Pool(processes, context=multiprocessing.get_context("spawn")) as pool:
        return sum(pool.starmap(_loop, [(voice, seconds)] * processes, chunksize=1))


def _loop(voice: str, seconds: float) -> float:
    from ganray.voice.delivery import Delivery
    from ganray.voice.reader import open_reader

    speaker = open_reader(voice, 1)
    speaker.say(SENTENCES[0], Delivery())
    begin, made, number = time.perf_counter(), 0.0, 0
    while time.perf_counter() - begin < seconds:
        made += speaker.say(SENTENCES[number % len(SENTENCES)], Delivery()).seconds
        number += 1
    return made / (time.perf_counter() - begin)
