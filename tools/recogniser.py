"""Does speech that a text voice made help a recogniser of real speech? A small one learns phonemes from a few minutes
of recordings, from what the voice says, and from both, for the same number of updates; all hear the same held-out
recordings.

    python tools/recogniser.py RECORDED SPOKEN --minutes 5

RECORDED and SPOKEN are datasets. SPOKEN comes of `ganray say --batch texts.csv -o corpus/`, `ganray prepare corpus/`,
of other sentences than the first minutes of RECORDED.
"""

import argparse
import itertools
import json
import random
import statistics
from collections.abc import Iterator, Sequence

import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torchaudio.functional import edit_distance
from torchaudio.transforms import FrequencyMasking, TimeMasking

from ganray.audio import LogMel
from ganray.data import Dataset
from ganray.data.split import Split
from ganray.metrics.intervals import bootstrap
from ganray.metrics.per import wanted
from ganray.models.convnext import ConvNeXt

Clip = tuple[Tensor, list[str]]
"""(M, F) log-mel, and the phonemes in it."""
STRIDE = 2
CHANNELS, BLOCKS = 192, 5
BATCH = 8


class Recogniser(nn.Module):
    """Log-mel to the log-probability of each phoneme, and of none of them (0), for every other frame."""

    def __init__(self, num_mels: int, phonemes: Sequence[str]) -> None:
        super().__init__()
        self.phonemes = ["", *phonemes]
        self.network = ConvNeXt(num_mels, CHANNELS, 3 * CHANNELS, BLOCKS, stride=STRIDE)
        self.out = nn.Linear(CHANNELS, len(self.phonemes))

    def forward(self, mel: Tensor) -> Tensor:
        """(B, M, F) to (F / 2, B, phonemes + 1)."""
        mel = nn.functional.pad((mel + 5) / 3, (0, -mel.shape[-1] % STRIDE))
        return self.out(self.network(mel).transpose(1, 2)).log_softmax(-1).transpose(0, 1)

    @torch.no_grad()
    def heard(self, mel: Tensor) -> list[str]:
        """The likeliest phoneme of each place, runs of one as one."""
        places = [int(place) for place, _ in itertools.groupby(self(mel[None])[:, 0].argmax(-1).tolist())]
        return [self.phonemes[place] for place in places if place]


def clips(split: Split, mel: LogMel, minutes: float | None = None) -> list[Clip]:
    """The first `minutes` of a split, or all."""
    found, left = [], float("inf") if minutes is None else 60 * minutes
    for clip in split.clips():
        left -= len(clip.waveform) / split.audio.sample_rate
        if left < 0:
            break
        found.append((mel(torch.from_numpy(clip.waveform)[None])[0], wanted(clip.text)))
    return found


def batches(sources: Sequence[list[Clip]], seed: int) -> Iterator[list[Clip]]:
    """Of each source the same number in every batch, shuffled anew each time it was heard."""
    draw = random.Random(seed)

    def endless(source: list[Clip]) -> Iterator[Clip]:
        while True:
            yield from draw.sample(source, len(source))

    streams = [endless(source) for source in sources]
    while True:
        yield [next(streams[place % len(streams)]) for place in range(BATCH)]


def learn(sources: Sequence[list[Clip]], phonemes: Sequence[str], seed: int, updates: int) -> Recogniser:
    """Train one by CTC (Graves et al. 2006) with SpecAugment's masks (Park et al. 2019)."""
    torch.manual_seed(seed)
    model = Recogniser(sources[0][0][0].shape[0], phonemes)
    number = {phoneme: place for place, phoneme in enumerate(model.phonemes)}
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, updates, pct_start=0.1)
    masks = [FrequencyMasking(20), FrequencyMasking(20), TimeMasking(25), TimeMasking(25)]
    for batch in itertools.islice(batches(sources, seed), updates):
        lengths = [mel.shape[-1] for mel, _ in batch]
        x = nn.utils.rnn.pad_sequence([mel.T for mel, _ in batch], batch_first=True, padding_value=-11.5).transpose(
            1, 2
        )
        for mask in masks:
            x = mask(x, mask_value=-5.0)
        targets = [torch.tensor([number[phoneme] for phoneme in said]) for _, said in batch]
        loss = nn.functional.ctc_loss(
            model(x), torch.cat(targets), [length // STRIDE for length in lengths], [len(t) for t in targets],
            zero_infinity=True,
        )  # fmt: skip
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return model.eval()


def errors(model: Recogniser, held_out: Sequence[Clip]) -> list[float]:
    """PER of each clip."""
    return [edit_distance(said, model.heard(mel)) / len(said) for mel, said in held_out]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recorded")
    parser.add_argument("spoken")
    parser.add_argument("--minutes", type=float, default=5, help="of recordings to learn from")
    parser.add_argument("--updates", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    recorded, spoken = Dataset.open(asked.recorded), Dataset.open(asked.spoken)
    mel = LogMel(recorded.audio)
    few = clips(recorded.split("train"), mel, asked.minutes)
    made = clips(spoken.split("train"), mel)
    held_out = [clip for name in ("validation", "test") for clip in clips(recorded.split(name), mel)]
    phonemes = sorted({phoneme for some in (few, made, held_out) for _, said in some for phoneme in said})
    ways = {"recordings": [few], "the voice": [made], "both": [few, made]}
    found: dict[str, list[list[float]]] = {way: [] for way in ways}
    turns = [(seed, way) for seed in range(1, asked.seeds + 1) for way in ways]
    for seed, way in track(turns, "trainings", console=Console(stderr=True)):
        found[way].append(errors(learn(ways[way], phonemes, seed, asked.updates), held_out))
    # A clip's error is its mean over seeds; differences are taken clip by clip.
    by_clip = {way: [statistics.fmean(its) for its in zip(*runs, strict=True)] for way, runs in found.items()}
    gains = [both - alone for both, alone in zip(by_clip["both"], by_clip["recordings"], strict=True)]
    document = {
        "recorded_minutes": asked.minutes,
        "spoken_minutes": round(spoken.split("train").seconds / 60, 1),
        "held_out_clips": len(held_out),
        "updates": asked.updates,
        "per": {way: bootstrap(values).as_json() for way, values in by_clip.items()},
        "per_by_seed": {way: [round(statistics.fmean(run), 4) for run in runs] for way, runs in found.items()},
        "both_less_recordings": bootstrap(gains).as_json(),
    }
    if asked.json:
        print(json.dumps(document))
        return
    print(f"{asked.minutes:g} minutes recorded, {document['spoken_minutes']} spoken, {asked.updates} updates each")
    for way, values in by_clip.items():
        its, by_seed = bootstrap(values), ", ".join(f"{statistics.fmean(run):.3f}" for run in found[way])
        print(f"{way:<12} PER {its.mean:.3f} ({its.low:.3f} to {its.high:.3f}); by seed {by_seed}")
    its = bootstrap(gains)
    print(f"both less recordings: {its.mean:+.3f} ({its.low:+.3f} to {its.high:+.3f})")


if __name__ == "__main__":
    main()
