"""Does a recogniser gain by speech that a voice said?  python tools/recogniser.py REAL SPOKEN [--minutes 5 60] [--json]

Both are datasets. A small recogniser of phonemes (two convolutions, two bidirectional GRUs, CTC) is trained on so many
minutes of REAL alone and on these with all of SPOKEN, half of each batch, for as many updates; each is tested on REAL's
validation and test clips. Masks over time and frequency (SpecAugment, Park et al. 2019) in both.

Example:
    ganray say --batch texts.txt -o spoken && ganray prepare spoken --out data/spoken --set language=en
    python tools/recogniser.py data/mine data/spoken --minutes 5 60
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torchaudio.functional import edit_distance

from ganray.audio.mel import log_mel
from ganray.data import Dataset
from ganray.metrics.intervals import bootstrap
from ganray.metrics.paired import paired
from ganray.text.symbols import SPOKEN

BATCH = 8


@dataclass(frozen=True)
class Clip:
    """What is learned from: (M, F) log-mel and what is said."""

    mel: Tensor
    phonemes: list[str]
    seconds: float


class Recogniser(nn.Module):
    """(B, M, F) to (F / 2, B, symbols) log-probabilities; symbol 0 is CTC's blank."""

    def __init__(self, num_mels: int, num_symbols: int, channels: int = 192, hidden: int = 160) -> None:
        super().__init__()
        self.first = nn.Conv1d(num_mels, channels, 5, stride=2, padding=2)
        self.second = nn.Conv1d(channels, channels, 5, padding=2)
        self.gru = nn.GRU(channels, hidden, 2, bidirectional=True, dropout=0.2)
        self.out = nn.Linear(2 * hidden, num_symbols)

    def forward(self, mel: Tensor) -> Tensor:
        hidden = nn.functional.gelu(self.second(nn.functional.gelu(self.first(mel))))
        return self.out(self.gru(hidden.permute(2, 0, 1))[0]).log_softmax(-1)


def clips_of(dataset: Dataset, split: str, minutes: float | None = None) -> dict[str, Clip]:
    """Id → clip, of the first so many minutes in a seeded order."""
    there, found, seconds = dataset.split(split), {}, 0.0
    for index in np.random.default_rng(0).permutation(len(there)):
        if minutes is not None and seconds >= 60 * minutes:
            break
        clip = there[int(index)]
        mel = torch.from_numpy(log_mel(clip.waveform, dataset.audio))
        phonemes = [symbol.lstrip("ˈˌ") for symbol in clip.phonemes if symbol in SPOKEN]
        found[clip.id] = Clip((mel + 5) / 3, phonemes, len(clip.waveform) / dataset.audio.sample_rate)
        seconds += found[clip.id].seconds
    return found


def masked(mel: Tensor, random: np.random.Generator) -> Tensor:
    """Two stripes of up to 15 bands and two of up to 20 frames are gone."""
    mel = mel.clone()
    for axis, most in ((0, 15), (1, 20)) * 2:
        width = int(random.integers(0, most + 1))
        begin = int(random.integers(0, max(1, mel.shape[axis] - width)))
        mel.narrow(axis, begin, min(width, mel.shape[axis])).zero_()
    return mel


def batches(pools: list[list[Clip]], count: int, random: np.random.Generator) -> Iterator[list[Clip]]:
    """As many clips of each pool in each batch."""
    for _ in range(count):
        yield [pool[int(random.integers(len(pool)))] for pool in pools for _ in range(BATCH // len(pools))]


def trained(pools: list[list[Clip]], symbols: list[str], updates: int, seed: int) -> Recogniser:
    torch.manual_seed(seed)
    random, place = np.random.default_rng(seed), {symbol: 1 + number for number, symbol in enumerate(symbols)}
    model = Recogniser(pools[0][0].mel.shape[0], 1 + len(symbols))
    optimiser = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=updates, pct_start=0.1)
    for number, batch in enumerate(batches(pools, updates, random)):
        mels = [masked(clip.mel, random) for clip in batch]
        frames = torch.tensor([(mel.shape[1] + 1) // 2 for mel in mels])
        said = [torch.tensor([place[symbol] for symbol in clip.phonemes]) for clip in batch]
        padded = nn.utils.rnn.pad_sequence([mel.T for mel in mels], batch_first=True).transpose(1, 2)
        lengths = torch.tensor([len(one) for one in said])
        loss = nn.functional.ctc_loss(model(padded), torch.cat(said), frames, lengths, zero_infinity=True)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if number % 100 == 99:
            print(f"  update {number + 1}: {float(loss):.3f}", file=sys.stderr, flush=True)
    return model.eval()


@torch.inference_mode()
def error(model: Recogniser, clip: Clip, symbols: list[str]) -> float:
    """Phoneme error rate of the likeliest path."""
    path = model(clip.mel[None])[:, 0].argmax(-1).tolist()
    heard = [symbols[one - 1] for one, before in zip(path, [0, *path], strict=False) if one and one != before]
    return edit_distance(clip.phonemes, heard) / len(clip.phonemes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real")
    parser.add_argument("spoken")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0, 60.0], help="of REAL to train on")
    parser.add_argument("--updates", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    real, said = Dataset.open(given.real), list(clips_of(Dataset.open(given.spoken), "train").values())
    tested = clips_of(real, "validation") | clips_of(real, "test")
    found: dict[str, Any] = {"tested": len(tested), "spoken_minutes": round(sum(c.seconds for c in said) / 60, 1)}
    found |= {"updates": given.updates, "seed": given.seed, "rows": []}
    for minutes in given.minutes:
        recorded = list(clips_of(real, "train", minutes).values())
        symbols = sorted({symbol for clip in (*recorded, *said, *tested.values()) for symbol in clip.phonemes})
        errors: dict[str, dict[str, float]] = {}
        for name, pools in (("real", [recorded]), ("real and spoken", [recorded, said])):
            print(f"{minutes:g} minutes, {name}", file=sys.stderr, flush=True)
            model = trained(pools, symbols, given.updates, given.seed)
            errors[name] = {key: error(model, clip, symbols) for key, clip in tested.items()}
        row: dict[str, Any] = {name: bootstrap(list(values.values())).as_json() for name, values in errors.items()}
        gain = paired(errors["real and spoken"], errors["real"]).as_json()
        found["rows"].append({"minutes": minutes, "clips": len(recorded), **row, "spoken_minus_real": gain})
        print(json.dumps(found["rows"][-1]), file=sys.stderr, flush=True)
    print(json.dumps(found, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
