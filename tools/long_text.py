"""Whether a voice says a long text whole: no sentence left out, none twice, and no more memory at its end.

python tools/long_text.py VOICE TEXT_FILE [--json]

Every sentence's own stretch of sound is heard by a phoneme recogniser. A sentence that is left out, cut short or said
twice has a PER far above the others.
"""

import argparse
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from ganray.voice import Delivery, open_reader
from ganray.voice.speech import Speaker

LOST = 0.6
"""PER from which a sentence does not say its text."""


def main() -> None:
    """Say it twice: once for memory and time, once for the ear."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("text", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    voice, text = open_reader(asked.voice, num_threads=1), asked.text.read_text(encoding="utf-8")
    voice.say("A first sentence loads what is loaded once.", Delivery())
    memory, seconds, began = [peak_mb()], 0.0, time.process_time()
    for block in voice.speak(text, Delivery(), block_frames=512):
        seconds += len(block.waveform) / voice.audio.sample_rate
        memory.append(peak_mb())
    spent = time.process_time() - began
    errors = []
    from ganray.metrics import measure  # what it needs is not the voice's memory

    rate = voice.audio.sample_rate
    with Progress(console=Console(stderr=True)) as bar:
        heard = bar.add_task("sentences heard", total=len(text))
        for said, waveform in list_of(voice, text):
            errors.append((measure("per", waveform, text=said, sample_rate=rate, audio=voice.audio), said))
            bar.advance(heard, len(said) + 1)
    lost = [(round(error, 2), said) for error, said in errors if error > LOST and len(said.split()) > 2]
    document = {
        "characters": len(text),
        "sentences": len(errors),
        "seconds": round(seconds, 1),
        "times_real_time": round(seconds / spent, 1),
        "memory_mb": {"before": memory[0], "after_a_tenth": memory[len(memory) // 10], "after_all": memory[-1]},
        "per": round(float(np.mean([error for error, _ in errors])), 3),
        "above": {"per": LOST, "sentences": lost},
    }
    print(json.dumps(document) if asked.json else "\n".join(f"{key}: {value}" for key, value in document.items()))


def list_of(voice: Speaker, text: str) -> Iterator[tuple[str, np.ndarray]]:
    """Each sentence as it stands in the text, and its sound."""
    said, blocks = "", []
    for block in voice.speak(text, Delivery(), block_frames=512):
        if block.words:
            if blocks:
                yield said, np.concatenate(blocks)
            said, blocks = text[block.words[0].start : block.words[-1].end], []
        blocks.append(block.waveform)
    yield said, np.concatenate(blocks)


def peak_mb() -> int:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
