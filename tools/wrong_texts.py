"""Does a text generator notice a clip that does not say its text?

python tools/wrong_texts.py RUN|VOICE DATASET [--clips 300]

So many training clips of all lengths are aligned with their own text, with the text of another clip that is
about as long, and with their own text without its last third. Prints how many percent of each fall under
`generator.least_certainty`, which are not learned from: of the first none should, of the others all.
"""

import argparse
import json

import numpy as np
import torch
from boundaries import opened

from ganray.audio import log_mel
from ganray.data import Dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("dataset")
    parser.add_argument("--clips", type=int, default=300)
    given = parser.parse_args()
    generator, split = opened(given.model), Dataset.open(given.dataset).split("train")
    by_length = sorted(range(len(split)), key=lambda index: len(split.phonemes(index)))
    chosen = np.linspace(0, len(by_length) - 1, min(given.clips, len(split))).astype(int)
    found: dict[str, list[float]] = {"own": [], "other": [], "without_last_third": []}
    for place in chosen:
        mel = torch.from_numpy(log_mel(split[by_length[place]].waveform, split.audio))[None]
        own = split.phonemes(by_length[place])
        other = split.phonemes(by_length[place + 1 if place + 1 < len(by_length) else place - 1])
        for kind, said in (("own", own), ("other", other), ("without_last_third", own[: 2 * len(own) // 3])):
            symbols = torch.tensor([[0, *map(generator.symbols.index, said), 0]])
            _, certainty = generator.copy_manner(symbols, mel, torch.zeros(1, mel.shape[-1]))
            found[kind].append(certainty)
    least = generator.config.least_certainty
    under = {kind: round(100 * float(np.mean(np.array(its) < least)), 1) for kind, its in found.items()}
    print(json.dumps({"clips": len(chosen), "least_certainty": least, "percent_under": under}))


if __name__ == "__main__":
    with torch.inference_mode():
        main()
