"""Corpora that anyone may have: where they are, what they weigh, and under which licence they are given."""

from dataclasses import dataclass

_LIBRITTS = "https://www.openslr.org/resources/60"


@dataclass(frozen=True)
class Archive:
    """A file to fetch.

    Attributes:
        url: Where it is.
        sha256: Of its bytes, in hex; empty where its publisher makes it anew for everyone who asks.
    """

    url: str
    sha256: str = ""

    @property
    def name(self) -> str:
        """Of the file."""
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class PublicCorpus:
    """A corpus that can be had.

    Attributes:
        title: Its name, and what it is.
        licence: Under which it is given.
        home: Its page, with the licence's text.
        cite: Whom to name.
        parts: Part → archive; `whole` where there is but one.
        usual: The parts that are fetched where none is asked for.
    """

    title: str
    licence: str
    home: str
    cite: str
    parts: dict[str, Archive]
    usual: tuple[str, ...] = ("whole",)


PUBLIC = {
    "ljspeech": PublicCorpus(
        "LJ Speech 1.1: one US English woman reads seven books, 24 h, 22,050 Hz",
        "public domain",
        "https://keithito.com/LJ-Speech-Dataset/",
        "Keith Ito and Linda Johnson, The LJ Speech Dataset, 2017",
        {
            "whole": Archive(
                "https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",
                "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5",
            )
        },
    ),
    "vctk": PublicCorpus(
        "VCTK 0.92: 110 speakers of English with their accents, 44 h, 48,000 Hz",
        "CC BY 4.0",
        "https://datashare.ed.ac.uk/handle/10283/3443",
        "Junichi Yamagishi, Christophe Veaux and Kirsten MacDonald, CSTR VCTK Corpus (version 0.92), 2019",
        {
            "whole": Archive(
                "https://datashare.ed.ac.uk/bitstream/handle/10283/3443/VCTK-Corpus-0.92.zip",
                "f96258be9fdc2cbff6559541aae7ea4f59df3fcaf5cf963aae5ca647357e359c",
            )
        },
    ),
    "libritts": PublicCorpus(
        "LibriTTS: 2,456 readers of English, 585 h in seven parts, 24,000 Hz",
        "CC BY 4.0",
        "https://www.openslr.org/60/",
        "Heiga Zen et al., LibriTTS: A Corpus Derived from LibriSpeech for Text-to-Speech, Interspeech 2019",
        {
            part: Archive(f"{_LIBRITTS}/{part}.tar.gz", sha256)
            for part, sha256 in {
                "dev-clean": "da0864e1bd26debed35da8a869dd5c04dfc27682921936de7cff9c8a254dbe1a",
                "dev-other": "d413eda26f3a152ac7c9cf3658ef85504dfb1b625296e5fa83727f5186cca79c",
                "test-clean": "234ea5b25859102a87024a4b9b86641f5b5aaaf1197335c95090cde04fe9a4f5",
                "test-other": "33a5342094f3bba7ccc2e0500b9e72d558f72eb99328ac8debe1d9080402f10d",
                "train-clean-100": "c5608bf1ef74bb621935382b8399c5cdd51cd3ee47cec51f00f885a64c6c7f6b",
                "train-clean-360": "ce7cff44dcac46009d18379f37ef36551123a1dc4e5c8e4eb73ae57260de4886",
                "train-other-500": "e35f7e34deeb2e2bdfe4403d88c8fdd5fbf64865cae41f027a185a6965f0a5df",
            }.items()
        },
        ("train-clean-100", "dev-clean", "test-clean"),
    ),
    "kathleen": PublicCorpus(
        "Kathleen: one US English woman reads prompts of CMU ARCTIC, 1.3 h, 48,000 Hz",
        "CC0 1.0",
        "https://github.com/rhasspy/dataset-voice-kathleen",
        "Rhasspy, dataset-voice-kathleen",
        {"whole": Archive("https://github.com/rhasspy/dataset-voice-kathleen/archive/refs/heads/master.tar.gz")},
    ),
}
"""Name → corpus. Checksums are those that torchaudio's datasets are held to."""
