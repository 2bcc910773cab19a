"""The page of results holds what was measured, and is what `make results` writes."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    docs = tmp_path_factory.mktemp("docs")
    shutil.copytree(DOCS / "results", docs / "results", ignore=shutil.ignore_patterns("*.png", "index.html"))
    shutil.copy(DOCS / "scaling.json", docs)
    subprocess.run([sys.executable, str(ROOT / "tools" / "results.py"), str(docs)], check=True, cwd=ROOT)
    return docs


def test_the_committed_page_is_what_the_kept_measurements_give(made):
    assert (made / "results.md").read_text() == (DOCS / "results.md").read_text(), "run make results"


def test_every_figure_says_where_when_how_and_how_sure(made):
    page = (made / "results.md").read_text()
    for path in (DOCS / "results").glob("*.json"):
        record = json.loads(path.read_text())
        for key in ("title", "command", "machine", "date", "interval"):
            assert record[key] in page, (path.name, key)
        for line in record.get("behind", []):
            assert line in page
        if record["kept"] == "figures":
            assert (ROOT / record["source"]).is_file()


def test_figures_that_were_taken_over_stand_where_they_came_from():
    """A figure that is changed here and not there, or there and not here, is found."""
    for path in (DOCS / "results").glob("*.json"):
        record = json.loads(path.read_text())
        if record["kept"] != "figures":
            continue
        source = (ROOT / record["source"]).read_text().replace(",", "").replace("\u2212", "-")
        for row in record["rows"]:
            for value in row[1:]:
                for figure in value if isinstance(value, list) else [value]:
                    if isinstance(figure, int | float):
                        spelled = {f"{figure:g}", f"{figure:.1f}", f"{figure:.2f}", f"{figure:.3f}"}
                        spelled |= {text.removeprefix("0") for text in spelled}
                        assert any(text in source for text in spelled), (path.name, row[0], figure)


def test_plots_and_the_page_are_there_and_need_nothing_else(made):
    html = (made / "results" / "index.html").read_text()
    assert html.count("data:image/png;base64,") == len(list((made / "results").glob("*.png"))) > 3
    assert "https://" not in html
    assert "Falls short" in html


def test_a_measurement_that_does_not_say_its_machine_is_refused(made, tmp_path):
    shutil.copytree(made / "results", tmp_path / "results")
    record = json.loads((made / "results" / "text.json").read_text())
    del record["machine"]
    (tmp_path / "results" / "text.json").write_text(json.dumps(record))
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "results.py"), str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode
    assert "machine is missing" in done.stderr


def test_a_comparison_is_kept_as_it_was_printed(made, tmp_path):
    shutil.copytree(made / "results", tmp_path / "results")
    shutil.copy(made / "scaling.json", tmp_path)
    record = json.loads((made / "results" / "copy.json").read_text())

    def one(name, pesq, cost):
        scores = {"pesq": {"mean": pesq, "low": pesq - 0.1, "high": pesq + 0.1, "num": 4}}
        return {"name": name, "scores": scores, "step": 1200, "parameters": 3_534_470, "gmac_per_s": cost,
                "times_real_time": 50.0, "memory_mb": 800.4}  # fmt: skip

    document = {
        "measures": ["pesq"],
        "recipes": [one("worse", 2.1, 9.0), one("better", 3.2, 0.3)],
        "scale": {"griffin_lim": {"pesq": {"mean": 2.5, "low": 2.4, "high": 2.6, "num": 4}}},
    }
    (tmp_path / "results" / "compared.json").write_text(json.dumps(record | {"document": document}))
    subprocess.run([sys.executable, str(ROOT / "tools" / "results.py"), str(tmp_path)], check=True, cwd=ROOT)
    rows = (tmp_path / "results.md").read_text().splitlines()
    at = rows.index(next(row for row in rows if row.startswith("| better")))
    assert rows[at] == "| better | 3.20 (3.10–3.30) | 1,200 | 3.53 | 0.3 | 50.0 | 800 |"
    assert [row.split(" | ")[0] for row in rows[at + 1 : at + 3]] == ["| worse", "| Griffin-Lim"]
    assert (tmp_path / "results" / "compared.png").read_bytes().startswith(b"\x89PNG")
