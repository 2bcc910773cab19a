"""`ganray cluster`."""

from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "cluster" / "laptop.yaml"


def test_check_accepts_the_shipped_config_and_says_how_to_start_it(ganray):
    called = ganray("cluster", "check", SHIPPED)
    assert called.code == 0
    assert "RAY_AUTH_MODE=token ray start --head --block --num-cpus=2" in called.out


def test_check_gives_one_document(ganray):
    document = ganray("cluster", "check", SHIPPED, "--json").document
    assert document["cluster"] == "laptop"
    assert document["config"]["pools"]["machine"]["cpus"] == 2
    assert document["checks"] == []


def test_check_tells_all_problems(ganray, tmp_path):
    (tmp_path / "a.yaml").write_text(SHIPPED.read_text().replace("cpus: 2", "cpu: 2") + "verbs: {train: m}\n")
    called = ganray("cluster", "check", tmp_path / "a.yaml", "--json")
    assert called.code == 2
    told = {problem["path"]: problem["mend"] for problem in called.document["error"]["problems"]}
    assert told["pools.machine.cpu"] == "did you mean pools.machine.cpus?"
    assert "verbs.train" in told


def test_check_says_which_file_is_missing(ganray, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = ganray("cluster", "check")
    assert called.code == 2
    assert "cluster/ganray.yaml" in called.err


@pytest.mark.ray
def test_check_fails_where_the_running_cluster_differs(ganray, ray_session, tmp_path):
    (tmp_path / "a.yaml").write_text(SHIPPED.read_text().replace("cpus: 2", "cpus: 64"))
    called = ganray("cluster", "check", tmp_path / "a.yaml", "--address", "auto", "--json")
    assert called.code == 1
    assert "pool machine" in [problem["path"] for problem in called.document["error"]["problems"]]
