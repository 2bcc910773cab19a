"""Does every speaker of a voice speak every language as themselves?  python tools/speakers.py VOICE DATASET [--json]

Each speaker says six sentences of each language. How alike they are to recordings of each of the speakers (the cosine
of `ganray evaluate`'s measure `speaker`, five clips together as the reference), and, of the English ones, how many
phonemes a recogniser does not hear. Six other recordings of each speaker are held against the same references.
"""

import argparse
import json
import sys
from typing import Any

import numpy as np

from ganray.data import Dataset
from ganray.errors import UsageError
from ganray.metrics import measure
from ganray.metrics.intervals import bootstrap
from ganray.voice import Delivery, open_reader

SENTENCES = {
    "en": (
        "The library closes at nine on weekdays and at noon on Saturdays.",
        "My grandmother kept a jar of buttons on the highest shelf.",
        "Could you tell me which platform the night train leaves from?",
        "After the storm, three boats were missing from the little harbour.",
        "The recipe asks for two eggs, a cup of flour and a pinch of salt.",
        "At the end of the tunnel they could hear the sea.",
    ),
    "de": (
        "Die Bibliothek schließt werktags um neun und samstags um zwölf Uhr.",
        "Meine Großmutter bewahrte ein Glas voller Knöpfe im obersten Regal auf.",
        "Können Sie mir sagen, von welchem Gleis der Nachtzug abfährt?",
        "Nach dem Sturm fehlten drei Boote in dem kleinen Hafen.",
        "Für das Rezept braucht man zwei Eier, etwas Mehl und eine Prise Salz.",
        "Am Ende des Tunnels konnten sie das Meer hören.",
    ),
    "it": (
        "La biblioteca chiude alle nove nei giorni feriali e a mezzogiorno il sabato.",
        "Mia nonna teneva un barattolo di bottoni sullo scaffale più alto.",
        "Mi può dire da quale binario parte il treno della notte?",
        "Dopo la tempesta mancavano tre barche dal piccolo porto.",
        "La ricetta richiede due uova, un po' di farina e un pizzico di sale.",
        "Alla fine della galleria si sentiva il mare.",
    ),
}
REFERENCE, OTHERS = 5, 6
"""Clips of a speaker."""


def recordings(dataset: Dataset, speakers: list[str]) -> tuple[dict[str, np.ndarray], dict[str, list[np.ndarray]]]:
    """Speaker → a reference, and speaker → other clips: of two seconds or more, in a seeded order."""
    clips: dict[str, list[np.ndarray]] = {speaker: [] for speaker in speakers}
    train = dataset.split("train")
    for index in np.random.default_rng(0).permutation(len(train)):
        clip = train[int(index)]
        its = clips.get(clip.speaker, [])
        if len(its) < REFERENCE + OTHERS and len(clip.waveform) >= 2 * dataset.audio.sample_rate:
            its.append(clip.waveform)
        if all(len(its) == REFERENCE + OTHERS for its in clips.values()):
            break
    references = {speaker: np.concatenate(its[:REFERENCE]) for speaker, its in clips.items()}
    return references, {speaker: its[REFERENCE:] for speaker, its in clips.items()}


def alike(waveforms: list[np.ndarray], speaker: str, references: dict[str, np.ndarray], audio: Any) -> dict[str, Any]:
    """To the speaker's own reference, to that of whoever else is nearest, and how often the own one is nearest."""
    found = [
        {name: measure("speaker", one, reference=other, sample_rate=audio.sample_rate, audio=audio)
         for name, other in references.items()}
        for one in waveforms
    ]  # fmt: skip
    own = [one[speaker] for one in found]
    nearest = [max(value for name, value in one.items() if name != speaker) for one in found]
    nearer = sum(a > b for a, b in zip(own, nearest, strict=True))
    return {"own": bootstrap(own).as_json(), "nearest_other": bootstrap(nearest).as_json(), "own_is_nearest": nearer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("dataset")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    voice, dataset = open_reader(given.voice), Dataset.open(given.dataset)
    speakers = sorted(dataset.card["speakers"])
    if len(speakers) < 2:
        raise SystemExit(str(UsageError(f"{given.dataset} has one speaker", mend="give one of several")))
    audio = voice.audio
    references, others = recordings(dataset, speakers)
    rows = []
    for speaker in speakers:
        rows.append({"speaker": speaker, "what": "recordings", **alike(others[speaker], speaker, references, audio)})
        for language, texts in SENTENCES.items():
            said = [voice.say(text, Delivery(speaker=speaker, language=language)).waveform for text in texts]
            row = {"speaker": speaker, "what": language, **alike(said, speaker, references, audio)}
            judged = {
                name: [measure(name, one, text=text, sample_rate=audio.sample_rate, audio=audio)
                       for one, text in zip(said, texts, strict=True)]
                for name in (("distillmos", "per") if language == "en" else ("distillmos",))
            }  # fmt: skip
            rows.append(row | {name: bootstrap(values).as_json() for name, values in judged.items()})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    if given.json:
        print(json.dumps(rows))
        return
    for row in rows:
        also = "".join(f"  {name} {row[name]['mean']:.2f}" for name in ("distillmos", "per") if name in row)
        own, other = row["own"]["mean"], row["nearest_other"]["mean"]
        nearest = f"own is nearest {row['own_is_nearest']}/6"
        print(f"{row['speaker']:12} {row['what']:10}  own {own:.3f}  nearest other {other:.3f}  {nearest}{also}")


if __name__ == "__main__":
    main()
