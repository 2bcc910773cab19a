"""Units, currencies and signs: how they are said."""

UNITS = {
    "mm": "millimeter", "cm": "centimeter", "dm": "decimeter", "m": "meter", "km": "kilometer", "in": "inch",
    "ft": "foot", "yd": "yard", "yds": "yard", "mi": "mile", "nm": "nanometer", "µm": "micrometer",
    "mg": "milligram", "g": "gram", "kg": "kilogram", "lb": "pound", "lbs": "pound", "oz": "ounce", "µg": "microgram",
    "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "l": "liter", "L": "liter", "gal": "gallon",
    "tsp": "teaspoon", "tbsp": "tablespoon", "qt": "quart", "pt": "pint",
    "ms": "millisecond", "s": "second", "sec": "second", "secs": "second", "min": "minute", "mins": "minute",
    "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year", "yrs": "year", "ns": "nanosecond", "µs": "microsecond",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "dB": "decibel",
    "B": "byte", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte",
    "kb": "kilobit", "Mb": "megabit", "Gb": "gigabit", "kbps": "kilobit per second", "Mbps": "megabit per second",
    "Gbps": "gigabit per second", "MiB": "mebibyte", "GiB": "gibibyte",
    "V": "volt", "mV": "millivolt", "kV": "kilovolt", "A": "amp", "mA": "milliamp", "mAh": "milliamp hour",
    "W": "watt", "kW": "kilowatt", "MW": "megawatt", "GW": "gigawatt", "kWh": "kilowatt hour", "Ω": "ohm",
    "J": "joule", "kJ": "kilojoule", "cal": "calorie", "kcal": "kilocalorie", "N": "newton", "Pa": "pascal",
    "kPa": "kilopascal", "psi": "P S I", "bar": "bar", "K": "kelvin", "mol": "mole", "ha": "hectare",
    "mph": "mile per hour", "kph": "kilometer per hour", "km/h": "kilometer per hour", "m/s": "meter per second",
    "fps": "frame per second", "rpm": "R P M", "dpi": "D P I", "px": "pixel", "bps": "bit per second",
    "ft²": "square foot", "m²": "square meter", "km²": "square kilometer", "cm²": "square centimeter",
    "m³": "cubic meter", "cm³": "cubic centimeter", "m2": "square meter", "km2": "square kilometer",
    "sq ft": "square foot", "sq. ft.": "square foot", "sq mi": "square mile", "fl oz": "fluid ounce",
    "°C": "degree Celsius", "°F": "degree Fahrenheit", "° C": "degree Celsius", "° F": "degree Fahrenheit",
    "°": "degree", "º": "degree", "′": "foot", "″": "inch",
}  # fmt: skip
AMBIGUOUS = frozenset(["in", "A", "s", "h", "m", "l", "g", "K", "B", "N", "V", "W", "J", "bar", "min", "pt", "L"])
"""Also words or letters: units only when they touch the number, or are written out for `in`."""
_IRREGULAR = {"foot": "feet", "inch": "inches", "hertz": "hertz", "kelvin": "kelvin", "century": "centuries"}
_IRREGULAR |= {unit: unit for unit in ("kilohertz", "megahertz", "gigahertz", "P S I", "R P M", "D P I")}
CURRENCIES = {
    "$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", ""), "₹": ("rupee", "paisa"),
    "₽": ("ruble", "kopek"), "₩": ("won", ""), "₿": ("bitcoin", ""), "¢": ("cent", ""), "₺": ("lira", ""),
    "₴": ("hryvnia", ""), "₪": ("shekel", ""), "₫": ("dong", ""),
    "US$": ("U S dollar", "cent"), "A$": ("australian dollar", "cent"), "C$": ("canadian dollar", "cent"),
    "USD": ("U S dollar", "cent"), "EUR": ("euro", "cent"), "GBP": ("british pound", "penny"),
    "JPY": ("japanese yen", ""), "CHF": ("swiss franc", "centime"), "CAD": ("canadian dollar", "cent"),
    "AUD": ("australian dollar", "cent"), "CNY": ("chinese yuan", ""), "INR": ("indian rupee", "paisa"),
}  # fmt: skip
_MANY_COINS = {"penny": "pence", "yen": "yen", "won": "won", "japanese yen": "japanese yen", "dong": "dong",
               "chinese yuan": "chinese yuan", "paisa": "paise"}  # fmt: skip
MAGNITUDES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mm": "million", "b": "billion",
    "B": "billion", "bn": "billion", "T": "trillion", "tn": "trillion", "thousand": "thousand", "million": "million",
    "billion": "billion", "trillion": "trillion", "hundred": "hundred",
}  # fmt: skip
SIGNS = {
    "&": "and", "+": "plus", "=": "equals", "<": "less than", ">": "greater than", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≠": "is not equal to", "≈": "approximately", "≤": "less than or equal to",
    "≥": "greater than or equal to", "√": "square root of", "∞": "infinity", "∑": "sum", "∫": "integral",
    "∂": "partial", "∆": "delta", "∈": "in", "∉": "not in", "∀": "for all", "∃": "there exists", "∅": "empty set",
    "∩": "intersection", "∪": "union", "⊂": "subset of", "π": "pi", "∝": "proportional to", "¬": "not",
    "−": "minus", "⋅": "times", "‰": "per mille", "§": "section", "¶": "paragraph", "©": "copyright",
    "®": "registered", "™": "trademark", "°": "degrees", "%": "percent", "@": "at", "#": "number", "$": "dollar",
    "€": "euro", "£": "pound", "¥": "yen", "¢": "cent", "→": "to", "←": "from", "⇒": "implies", "↔": "to and from",
    "↑": "up", "↓": "down", "^": "caret", "\\": "backslash", "/": "slash", "²": "squared", "³": "cubed",
    "✓": "check", "✔": "check", "✗": "cross", "✘": "cross", "☐": "box", "№": "number", "℃": "degrees celsius",
    "℉": "degrees fahrenheit", "½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third",
    "⅔": "two thirds", "⅛": "one eighth", "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths",
    "⅕": "one fifth", "⅖": "two fifths", "⅗": "three fifths", "⅘": "four fifths", "⅙": "one sixth", "µ": "micro",
    "~": "about", "★": "star", "☆": "star", "♥": "heart", "♡": "heart", "♪": "music", "♫": "music",
}  # fmt: skip
PIECES = {
    "½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8),
    "⅞": (7, 8), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6),
}  # fmt: skip


def many(noun: str) -> str:
    """The plural of a unit or a coin: `mile per hour` → miles per hour."""
    if noun in _MANY_COINS:
        return _MANY_COINS[noun]
    head, per, rest = noun.partition(" per ")
    front, _, last = head.rpartition(" ")
    if last in ("Celsius", "Fahrenheit"):
        front, last = f"{many(front)} {last}", ""
        return front.strip()
    plural = _IRREGULAR.get(head) or _IRREGULAR.get(last, last + "s")
    return (plural if head in _IRREGULAR else f"{front} {plural}".strip()) + per + rest
