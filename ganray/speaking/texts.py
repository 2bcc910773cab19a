"""Reading what is to be said: a file with a text a line."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from ganray.errors import DataError

DELIMITERS = {".csv": "|", ".tsv": "\t"}
"""Between an id and its text, by suffix; in any other file every line is a text."""
_BEGINS_WITH_ID = re.compile(r"[\w.-]+\|")


@dataclass(frozen=True)
class Text:
    """One text and the name of its recording."""

    id: str
    text: str


def read_texts(path: str | Path) -> list[Text]:
    """The texts of a file.

    Args:
        path: `.csv` with `id|text` lines (a corpus's own metadata.csv, for one), `.tsv` with tabs instead, or any other
            file with a text a line, which are called 000001, 000002, … by their lines.

    Raises:
        DataError: It can't be read, has no text, or a line of it can't be used; all such lines are told. Or it is no
            `.csv` and every line begins with an id.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}", mend="give a text file in UTF-8") from error
    delimiter = DELIMITERS.get(path.suffix.lower())
    said = [line for line in lines if line.strip()]
    if delimiter is None and said and all(_BEGINS_WITH_ID.match(line) for line in said):
        raise DataError(
            f"every line of {path} begins with an id, which would be read aloud",
            got=said[0],
            mend=f"call it {path.stem}.csv: id|text lines; or leave the ids out",
        )
    found: list[Text] = []
    wrong: list[str] = []
    taken: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if delimiter is None:
            found.append(Text(f"{number:06d}", line.strip()))
            continue
        name, *fields = next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE))
        why = _unusable(name, taken) or ("" if fields and fields[-1].strip() else "no text")
        if why:
            wrong.append(f"line {number}: {why}")
        else:
            taken.add(name)
            found.append(Text(name, fields[-1].strip()))
    if wrong:
        raise DataError(f"{path}: {'; '.join(wrong[:5])}{'; …' if len(wrong) > 5 else ''}", mend="write id|text lines")
    if not found:
        raise DataError(f"{path} holds no text", mend="give one text a line")
    return found


def _unusable(name: str, taken: set[str]) -> str:
    """Why an id can't be a file's name; empty where it can."""
    if not name or name != name.strip() or name in (".", "..") or any(sign in name for sign in "/\\\0"):
        return f"{name!r} can't be the name of a file"
    return f"the id {name!r} stands twice" if name in taken else ""
