"""Numbers in English words."""

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ONES = _SMALL.split()
_TENS = ["", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split()]  # noqa: SIM905
_SCALES = "thousand million billion trillion quadrillion quintillion".split()  # noqa: SIM905
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_PARTS = {2: ("half", "halves"), 4: ("quarter", "quarters")}
LARGEST = 10 ** (3 * (len(_SCALES) + 1))
"""From here on a number is read digit by digit."""


def cardinal(number: int) -> str:
    """`1205` → one thousand two hundred five."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    if number >= LARGEST:
        return digits(str(number))
    said: list[str] = []
    groups = f"{number:,}".split(",")
    for index, group in enumerate(groups):
        scale = len(groups) - 1 - index
        if int(group):
            said += _hundreds(int(group))
            said += [_SCALES[scale - 1]] if scale else []
    return " ".join(said) or "zero"


def _hundreds(number: int) -> list[str]:
    said = [_ONES[number // 100], "hundred"] if number >= 100 else []
    rest = number % 100
    if rest >= 20:
        said.append(_TENS[rest // 10])
        rest %= 10
    return [*said, _ONES[rest]] if rest else said


def ordinal(number: int) -> str:
    """`21` → twenty first."""
    *front, last = cardinal(number).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "h" if last.endswith("t") else "th"
    return " ".join([*front, last])


def digits(text: str) -> str:
    """`007` → zero zero seven; everything but digits is left out."""
    return " ".join(_ONES[int(character)] for character in text if character.isdecimal())


def year(number: int) -> str:
    """`1999` → nineteen ninety nine; `2005` → two thousand five; `1905` → nineteen oh five."""
    high, low = divmod(number, 100)
    if number < 1000 or (high % 10 == 0 and low < 10):
        return cardinal(number)
    if low == 0:
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low < 10 else ''}{cardinal(low)}"


def decimal(text: str) -> str:
    """`-3.14`, `1,234.5`, `.5` → words; any number of leading zeros in a whole number is read out."""
    text = text.replace(",", "").replace("−", "-").replace(" ", "")
    sign = "minus " if text.startswith("-") else "plus " if text.startswith("+") else ""
    whole, point, part = text.lstrip("+-").partition(".")
    if (len(whole) > 1 and whole[0] == "0") or len(whole) > 18:
        said = digits(whole)
    else:
        said = cardinal(int(whole)) if whole else "zero" if point else ""
    return sign + said + (f" point {digits(part)}" if part else "")


def fraction(above: int, below: int) -> str:
    """`3, 4` → three quarters; large ones are read with *over*."""
    if below == 0 or below > 100 or above > 100:
        return f"{cardinal(above)} over {cardinal(below)}"
    if below == 1:
        return f"{cardinal(above)} over one"
    one, many = _PARTS.get(below, (ordinal(below), ordinal(below) + "s"))
    return f"{cardinal(above)} {one if above == 1 else many}"


def plural_year(text: str) -> str:
    """`1990s` → nineteen nineties, `80s` → eighties, `1900s` → nineteen hundreds."""
    number = int(text)
    said = year(number) if number >= 1000 else cardinal(number)
    return said[:-1] + "ies" if said.endswith("y") else said + ("es" if said.endswith("x") else "s")


def is_single(text: str) -> bool:
    """Whether a unit after this number stands in the singular."""
    return text.replace(",", "").lstrip("+-−") == "1"


_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def roman(text: str) -> int:
    """The value of a well-formed Roman numeral; 0 for anything else."""
    total = 0
    for index, letter in enumerate(text):
        if letter not in _ROMAN:
            return 0
        value = _ROMAN[letter]
        total += -value if any(_ROMAN.get(later, 0) > value for later in text[index + 1 : index + 2]) else value
    return total if total and _to_roman(total) == text else 0


def _to_roman(number: int) -> str:
    written = ""
    for value, letters in (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
        (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    ):  # fmt: skip
        written += letters * (number // value)
        number %= value
    return written
