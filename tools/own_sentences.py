"""How natural and how intelligible a text voice is on sentences that no recording was ever made of.

python tools/own_sentences.py VOICE [--json]
"""

import argparse
import json

from rich.console import Console
from rich.progress import track

from ganray.metrics import measure
from ganray.metrics.intervals import bootstrap
from ganray.voice import Delivery, open_reader

MEASURES = ("distillmos", "per", "wer")
SENTENCES = (
    "The library closes at nine on weekdays and at noon on Saturdays.",
    "Could you tell me which platform the night train leaves from?",
    "My grandmother kept a jar of buttons on the highest shelf.",
    "After the storm, three boats were missing from the little harbour.",
    "He spoke so quietly that nobody in the second row understood him.",
    "What a strange place to build a lighthouse!",
    "The recipe asks for two eggs, a cup of flour and a pinch of salt.",
    "Nothing in the contract says that we have to deliver before June.",
    "She learned to ride a bicycle in the corridor of the old school.",
    "If it rains tomorrow, the concert will take place in the church.",
    "The engineer pointed at the screen and asked for silence.",
    "Every winter the lake freezes, and every winter someone falls in.",
    "There is a difference between being lost and not knowing the way.",
    "Their youngest daughter collects stamps, coins and foreign words.",
    "Please leave your umbrella outside the door.",
    "The moon was bright enough to read the headlines by.",
    "Half of the apples went to the neighbours, the other half to the pigs.",
    "It took the committee eleven months to agree on a colour.",
    "Why would anyone lock a door that leads nowhere?",
    "At the end of the tunnel they could hear the sea.",
)


def main() -> None:
    """Say each sentence, judge it, print means with 95 % intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    voice = open_reader(asked.voice)
    scores: dict[str, list[float]] = {name: [] for name in MEASURES}
    for text in track(SENTENCES, "sentences", console=Console(stderr=True)):
        said = voice.say(text, Delivery())
        for name in MEASURES:
            value = measure(name, said.waveform, text=text, sample_rate=said.sample_rate, audio=voice.audio)
            scores[name].append(value)
    found = {name: bootstrap(values) for name, values in scores.items()}
    if asked.json:
        print(json.dumps({name: its.as_json() for name, its in found.items()}))
        return
    for name, its in found.items():
        print(f"{name:<11} {its.mean:.3f} ({its.low:.3f} to {its.high:.3f})")


if __name__ == "__main__":
    main()
