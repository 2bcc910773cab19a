"""Written forms that are not plain words: addresses, acronyms, mixed case, letters with digits, hashtags."""

import re
from collections.abc import Callable

from ganray.text.english.numbers import cardinal, decimal, digits
from ganray.text.tables import words

URL = re.compile(r"(?:https?://|ftp://|www\.)[^\s<>\"“”]+[^\s<>\"“”.,;:!?)\]}'’*_]", re.IGNORECASE)
EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_ENDINGS = (
    "com|org|net|edu|gov|io|ai|co|uk|de|fr|it|es|eu|us|ca|au|jp|dev|app|info|me|tv|biz|xyz|"
    "txt|pdf|py|md|js|ts|html|css|csv|json|yaml|yml|toml|png|jpg|jpeg|gif|svg|mp3|mp4|wav|flac|zip|gz|exe|docx?|xlsx?|pptx?|log|sh"
)
DOMAIN = re.compile(rf"[\w-]+(?:\.[\w-]+)*\.(?:{_ENDINGS})(?![\w@])(?:/[\w./?=&#%~+-]*[\w/])?", re.IGNORECASE)
HANDLE = re.compile(r"([#@])([^\W\d_][\w]*)")
_ADDRESS_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", "@": "at", "~": "tilde", "%": "percent", "+": "plus",
}  # fmt: skip
PRONOUNCED = words(
    "NASA NATO UNESCO UNICEF OPEC ASAP AIDS LASER RADAR SONAR SCUBA FIFA UEFA NAFTA OSHA DARPA ASCII JPEG GIF RAM ROM "
    "BIOS WYSIWYG PIN SIM SWAT TASER COVID SARS MERS PETA CAPTCHA LAN WAN CRISPR NAND IKEA LEGO YOLO FOMO LOL ZIP "
    "DOS COBOL BASIC FORTRAN JSON YAML LIDAR HIPAA FEMA NIMBY RADIUS MIDI OLED NIST ISIS HUD POTUS SCOTUS BAFTA EPCOT "
    "MOMA CAD NASDAQ REM SAT SALT MASH OK"
) - {"OK", "SAT"}
"""Acronyms that are said as words."""
_SHORT_WORDS = words(
    "THE AND FOR ARE BUT NOT YOU ALL ANY CAN HAD HER WAS ONE OUR OUT DAY GET HAS HIM HIS HOW MAN NEW NOW OLD SEE TWO "
    "WAY WHO BOY DID ITS LET PUT SAY SHE TOO USE TO OF IN IS BE AS AT SO WE HE BY OR ON DO IF MY UP AN GO NO ME AM OH "
    "YES BIG BAD RED HOT TOP WHY END FUN RUN SEX FREE STOP ONLY NEVER MUST BOX CAR DOG CAT BED BUY SALE"
)
_SPELLED = re.compile(r"[^AEIOUYaeiouy]+")
_CASES = re.compile(r"[A-Z]{2,}(?=[A-Z][a-z]|\d|$|s$)|[A-Z]?[a-z']+|[A-Z]+|\d+")

Known = Callable[[str], bool]


def address(text: str, known: Known) -> str:
    """A URL, an e-mail address, a domain, a file's name."""
    text = re.sub(r"^\w+://", "", text).rstrip("/")
    said = []
    for piece in re.findall(r"[^\W_]+|[\W_]", text):
        said.append(_ADDRESS_SIGNS.get(piece) or (identifier(piece, known) if piece.isalnum() else ""))
    return " ".join(word for word in said if word)


def handle(match: re.Match[str], known: Known) -> str:
    """`#MachineLearning` → hashtag machine learning; `@jo_b` → at jo B."""
    said = [identifier(piece, known) for piece in match.group(2).split("_") if piece]
    return " ".join(["hashtag" if match.group(1) == "#" else "at", *said])


def identifier(text: str, known: Known) -> str:
    """Letters and digits as people run them together: at each change of case or kind."""
    if known(text.lower()) and len(text) > 1 and (not text.isupper() or len(text) > 3):
        return text.lower()
    said = []
    for piece in re.findall(r"[^\W\d_]+|\d+", text):
        if piece.isdecimal():
            said.append(digits(piece) if len(piece) > 4 or piece.startswith("0") else _number(piece))
        elif not piece.isascii():
            said.append(piece.lower())
        else:
            said += [_case(part, known) for part in _CASES.findall(piece)]
    return " ".join(said)


def _number(text: str) -> str:
    number = int(text)
    if len(text) == 4 and 1100 <= number < 2100:
        return f"{cardinal(number // 100)} {cardinal(number % 100)}" if number % 100 >= 10 else cardinal(number)
    if len(text) == 3 and number % 100:
        return f"{cardinal(number // 100)} {'oh ' if number % 100 < 10 else ''}{cardinal(number % 100)}"
    return cardinal(number)


def _case(part: str, known: Known) -> str:
    if part.isupper() and part in PRONOUNCED:
        return part.lower()
    if part.isupper() and (len(part) < 4 or not (known(part.lower()) or len(part) > 5)):
        return letters(part)
    if len(part) == 1 or (not known(part.lower()) and (len(part) < 3 or _SPELLED.fullmatch(part))):
        return letters(part)
    return part.lower()


def letters(text: str) -> str:
    """Each letter by its name."""
    return " ".join(text.upper())


def alphanumeric(text: str, known: Known) -> str:
    """`B2B`, `H2O`, `MP3`, `v2.0`: letters spelled where they are no word."""
    said = []
    for piece in re.findall(r"[^\W\d_]+|\d+(?:\.\d+)*|\.", text):
        if piece[0].isdecimal():
            said.append(decimal(piece) if "." in piece else digits(piece) if piece[0] == "0" else _number(piece))
        elif piece.lower() == "v" and len(said) == 0:
            said.append("version")
        elif piece.isascii():
            said.append(identifier(piece, known) if len(piece) > 2 else letters(piece))
        elif piece != ".":
            said.append(piece.lower())
    return " ".join(said)


def capitals(text: str, known: Known, shouted: bool) -> str:
    """A word in capitals: `NASA` is said, `FBI` is spelled, in a shouted sentence all but the shortest are words."""
    if text in PRONOUNCED:
        return text.lower()
    lower = text.lower()
    if text in _SHORT_WORDS and (shouted or len(text) > 2):
        return lower
    if known(lower) and (shouted or len(text) > 3) and not _SPELLED.fullmatch(text):
        return lower
    if len(text) > 5 and not _SPELLED.fullmatch(text):
        return lower
    return letters(text)


def unpronounceable(text: str) -> bool:
    """Whether a word has no vowel letter, so that it can only be spelled."""
    return _SPELLED.fullmatch(text) is not None
