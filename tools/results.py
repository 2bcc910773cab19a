"""docs/results.md, its plots and its page, from the measurements kept in docs/results/.

python tools/results.py [FOLDER]          (make results)

Each JSON file there is one measurement: title, section, command, machine, date, interval, and either `document` (what
a command printed under --json, without paths), a `reader` of another kept file, or `columns` and `rows` (figures that a
page of docs tells, whose JSON was not kept; `source` names it). A cell is a text, a number, or [middle, low, high].
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ganray.metrics import MEASURES
from ganray.metrics.intervals import bootstrap
from ganray.metrics.page import Cell, Page, Picture, Section, Table, between, decimals, number

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = {
    "quality": "How good it sounds",
    "speed": "How fast it is, beside others in the same run",
    "training": "Training on Ray",
    "sweeps": "Sweeps",
    "serving": "Serving under load, and when something dies",
    "data": "Data",
}
CALLED = {"world": "WORLD", "griffin_lim": "Griffin-Lim", "noise": "white noise"}
MISSING: dict[str, str] = {}
OURS, OTHERS = "#b5367a", "#6a6570"
NEEDED = ("section", "title", "command", "machine", "date", "interval", "kept", "order")
Row = list[Any]


def main() -> None:
    """Write the page, and say what was made of what."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs")
    docs: Path = parser.parse_args().folder
    records = read(docs / "results")
    plots = {record["name"]: drawn for record in records if (drawn := plot(record))}
    for name, png in plots.items():
        (docs / "results" / f"{name}.png").write_bytes(png)
    (docs / "results.md").write_text(markdown(records, set(plots)), encoding="utf-8")
    html(records, plots).write(docs / "results" / "index.html")
    print(f"{docs / 'results.md'}: {len(records)} measurements, {len(plots)} plots", file=sys.stderr)


def read(folder: Path) -> list[dict[str, Any]]:
    """The measurements in reading order, each with `columns` and `rows`.

    Raises:
        SystemExit: One lacks what every figure must say of itself.
    """
    records = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8")) | {"name": path.stem}
        lacking = [key for key in NEEDED if key not in record]
        if lacking or record["section"] not in SECTIONS:
            sys.exit(f"{path}: {', '.join(lacking) or 'section ' + record['section']} is missing; see tools/results.py")
        records.append(record | tables(record, folder))
    return sorted(records, key=lambda record: (list(SECTIONS).index(record["section"]), record["order"]))


def tables(record: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Columns and rows of a measurement."""
    if "rows" in record:
        return {}
    if record.get("reader") == "wire":
        return of_wire(json.loads((folder.parent / "scaling.json").read_text(encoding="utf-8")))
    document = record["document"]
    if "recipes" in document:
        return of_compare(document)
    return of_report(document) if "scores" in document else of_speak(document)


def of_report(document: dict[str, Any]) -> dict[str, Any]:
    """What `ganray evaluate --json` printed."""
    names = list(document["scores"])
    rows = {"**the voice**": document["scores"], **document["scale"]}

    def cell(values: dict[str, Any], name: str) -> Any:
        return [values[name][key] for key in ("mean", "low", "high")] if name in values else None

    return {
        "columns": ["", *(f"{name} {MEASURES[name].arrow}" for name in names)],
        "rows": [[CALLED.get(row, row), *(cell(values, name) for name in names)] for row, values in rows.items()],
        "plot": 1,
        "ours": [0],
    }


def of_compare(document: dict[str, Any]) -> dict[str, Any]:
    """What `ganray compare --json` printed, the best first."""
    names = document["measures"]

    def scores(its: dict[str, Any]) -> list[Any]:
        return [[its[name][key] for key in ("mean", "low", "high")] if name in its else None for name in names]

    higher = MEASURES[names[0]].better == "higher"
    best = sorted(document["recipes"], key=lambda one: one["scores"][names[0]]["mean"], reverse=higher)
    rows: list[Row] = [
        [
            one["name"], *scores(one["scores"]), one["step"], round(one["parameters"] / 1e6, 2),
            round(one["gmac_per_s"], 2), one["times_real_time"], round(one["memory_mb"]),
        ]
        for one in best
    ]  # fmt: skip
    rows += [[CALLED.get(name, name), *scores(its), *[None] * 5] for name, its in document.get("scale", {}).items()]
    costs = ["updates", "million parameters ↓", "GMAC a second ↓", "× real time of a core ↑", "MB ↓"]
    return {
        "columns": ["", *(f"{name} {MEASURES[name].arrow}" for name in names), *costs],
        "rows": rows,
        "front": {"cost": len(names) + 3, "quality": 1, "higher": higher},
    }


def of_speak(document: dict[str, Any]) -> dict[str, Any]:
    """What `ganray bench speak --json` printed."""

    def spread(values: list[float]) -> list[float]:
        found = bootstrap(values)
        return [found.mean, found.low, found.high]

    rows: list[Row] = [
        [f"ganray, {name}", spread(its["rounds_times_real_time"]), spread(its["first_audio_ms"]), None]
        for name, its in document["engines"].items()
    ]
    rows += [
        [name, spread(its["rounds_times_real_time"]), None, spread(its["ours_over_it_ratios"])]
        for name, its in document["peers"].items()
    ]
    return {
        "columns": ["", "× real time of a core, mean ↑", "first sound, ms ↓", "ours over it, in turn"],
        "rows": rows,
        "plot": 1,
        "ours": list(range(len(document["engines"]))),
    }


def of_wire(document: dict[str, Any]) -> dict[str, Any]:
    """What `tools/scaling/measure.py` wrote."""
    rows: list[Row] = []
    for link, its in document["links"].items():
        for recipe, measured in its["recipes"].items():
            alone = measured["ways"]["none"]["step_s"]
            for way, found in measured["ways"].items():
                if way != "none":
                    steps = [step / alone for step in found["steps_s"]]
                    rows.append([f"{recipe}, {link} Mbit/s, {way}", [found["step_s"] / alone, min(steps), max(steps)],
                                 round(found["sent_bytes"] / 1e6, 1)])  # fmt: skip
    return {"columns": ["", "an update over its computation ↓", "sent, MB"], "rows": rows, "plot": 1, "line": 1}


def markdown(records: list[dict[str, Any]], plots: set[str]) -> str:
    """docs/results.md."""
    lines = [
        "# Results", "",
        "What was measured, with its command, machine, date and interval; what is worse than another is said too.",
        "`make results` writes this page from the measurements in [results/](results/): a new one is what a command",
        "printed under `--json`, put there. *Whole* documents were kept as printed, without paths; *figures* were",
        "taken over from the page that is named, as their documents were not kept.", "",
    ]  # fmt: skip
    for section, heading in SECTIONS.items():
        its = [record for record in records if record["section"] == section]
        lines += [f"## {heading}", ""]
        if not its:
            lines += [MISSING.get(section, "Nothing has been kept yet."), ""]
        for record in its:
            lines += [f"### {record['title']}", "", *([record["note"], ""] if record.get("note") else [])]
            lines += ["| " + " | ".join(record["columns"]) + " |", "|" + "---|" * len(record["columns"])]
            lines += ["| " + " | ".join(text(value) for value in row) + " |" for row in record["rows"]]
            if record["name"] in plots:
                lines += ["", f"![{record['title']}](results/{record['name']}.png)"]
            lines += ["", *(f"- Falls short: {line}" for line in record.get("behind", []))]
            lines += [f"- `{record['command']}`", f"- {about(record)}", ""]
    return "\n".join(lines).rstrip() + "\n"


def html(records: list[dict[str, Any]], plots: dict[str, bytes]) -> Page:
    """The page."""
    sections: list[Section] = []
    for record in records:
        rows = [[cell(value) for value in row] for row in record["rows"]]
        short = [f"Falls short: {line}" for line in record.get("behind", [])]
        title = f"{SECTIONS[record['section']]}: {record['title']}"
        lines = [*short, f"$ {record['command']}", about(record)]
        (ours,) = its if len(its := record.get("ours", [])) == 1 else [None]
        sections.append(Table(title, record["columns"], rows, record.get("note", ""), highlight=ours, about=lines))
        if record["name"] in plots:
            of = record["front"]["quality"] if "front" in record else min(plotted(record).values())
            caption = f"{record['title']}: {record['columns'][of]}"
            sections.append(Picture("", plots[record["name"]], caption))
    intro = ["Every figure with its command, machine, date and interval, and what falls short."]
    return Page("Results", intro, sections, "Made by make results from docs/results/*.json.")


def about(record: dict[str, Any]) -> str:
    """Where, when, and how sure."""
    kept = f"document kept {record['kept']}" if record["kept"] == "whole" else f"figures from {record['source']}"
    return f"{record['date']}, {record['machine']}; {record['interval']}; {kept}"


def text(value: Any) -> str:
    """A cell of the markdown table."""
    if isinstance(value, list):
        middle, low, high = value
        return number(middle) + (f" ({between(low, high, decimals(middle))})" if low is not None else "")
    return "" if value is None else value if isinstance(value, str) else f"{value:,}"


def cell(value: Any) -> str | Cell:
    """A cell of the page's table."""
    if isinstance(value, list) and value[1] is not None:
        return Cell(number(value[0]), between(value[1], value[2], decimals(value[0])))
    return text(value).replace("**", "")


def plot(record: dict[str, Any]) -> bytes | None:
    """The columns that say most, a point a row with its interval and its figure.

    `plot` is a column, or several with their names in the legend: {"ganray": 1, "Piper": 2}; `ours`: rows that are
    drawn in colour beside others in grey; `line`: a value to be held against. `front`: quality against a cost instead.
    """
    if "front" in record:
        return front(record)
    if "plot" not in record:
        return None
    from matplotlib.figure import Figure

    from ganray.metrics.plots import as_png, decades

    columns = plotted(record)
    rows = [row for row in record["rows"] if any(row[column] is not None for column in columns.values())]
    figure = Figure(figsize=(8, 0.9 + 0.34 * len(rows)), dpi=100, layout="constrained")
    axis = figure.subplots()
    for beside, (name, column) in enumerate(columns.items()):
        for place, row in enumerate(rows):
            if row[column] is None:
                continue
            middle, low, high = row[column] if isinstance(row[column], list) else (row[column], None, None)
            ours = record["rows"].index(row) in record.get("ours", range(len(record["rows"]))) and not beside
            colour = OURS if ours else OTHERS
            if low is not None:
                axis.plot([low, high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt", alpha=0.5)
            axis.plot(middle, place, "so"[ours], color=colour, markersize=6, label=name if not place else None)
            spelled = text(row[column]).partition(" ")[0]
            axis.annotate(spelled, (middle, place), (0, 5), textcoords="offset points", ha="center", fontsize=7)
    axis.set_yticks(range(len(rows)), [row[0].replace("**", "") for row in rows], fontsize=8)
    axis.set_ylim(len(rows) - 0.4, -0.7)
    axis.set_ylabel(record["columns"][0], fontsize=9)
    axis.set_xlabel(record["columns"][min(columns.values())], fontsize=9)
    if record.get("log"):
        axis.set_xscale("log")
        decades(axis.xaxis)
    if "line" in record:
        axis.axvline(record["line"], color=OTHERS, linestyle="--", linewidth=1)
    if len(columns) > 1:
        axis.legend(frameon=False, fontsize=8)
    axis.grid(axis="x", alpha=0.25)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    return as_png(figure)


def front(record: dict[str, Any]) -> bytes:
    """Quality against cost, a point a row that has both; those that none beats in both are ringed."""
    from ganray.metrics import plots
    from ganray.tuning.front import front as unbeaten

    cost, quality = record["front"]["cost"], record["front"]["quality"]
    rows = [row for row in record["rows"] if row[cost] is not None]
    points = [(float(row[cost]), row[quality][0]) for row in rows]
    return plots.front(
        points, unbeaten(points, [True, not record["front"]["higher"]]), labels=[row[0] for row in rows],
        axes=(record["columns"][cost], record["columns"][quality]), log_x=True, name_all=True,
    )  # fmt: skip


def plotted(record: dict[str, Any]) -> dict[str, int]:
    """Name in the legend → column; one column needs no name."""
    return record["plot"] if isinstance(record["plot"], dict) else {"": record["plot"]}


if __name__ == "__main__":
    main()
