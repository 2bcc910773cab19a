"""`ganray cluster`."""

from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[2] / "cluster" / "laptop.yaml"


def test_check_accepts_the_shipped_config_and_says_how_to_start_it(ganray):
    called = ganray("cluster", "check", SHIPPED)
    assert called.code == 0
    assert "RAY_AUTH_MODE=token RAY_JOB_STOP_WAIT_TIME_S=60 ray start --head --block --num-cpus=2" in called.out


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


@pytest.mark.ray
def test_doctor_says_a_line_for_each_check_and_exits_by_them(ganray, ray_session, tmp_path):
    called = ganray("cluster", "doctor", SHIPPED, "--address", "auto", "--json")
    checks = {check["name"]: check for check in called.document["checks"]}
    assert set(checks) >= {"address", "placement", "storage", "clocks", "interface", "ports", "package ganray"}
    assert all(set(check) == {"name", "ok", "detail", "mend"} for check in checks.values())
    assert called.code == (0 if all(check["ok"] for check in checks.values()) else 1)
    assert not checks["token"]["ok"], "the tests' cluster answers without one, and this config wants it"


def test_plan_exits_with_3_when_it_never_fits_and_0_when_it_does(ganray):
    called = ganray("cluster", "plan", SHIPPED, "--recipe", "article", "--json")
    assert called.code == 0
    assert set(called.document) >= {"fits", "pools", "demands", "never", "queues"}
    assert called.document["fits"]
    called = ganray("cluster", "plan", SHIPPED, "--sweep", "tune_configs/smoke.yaml")
    assert called.code == 0
    assert "queues  smoke: 2 of 4 trials at once (pools.machine.max_nodes)" in called.out


def test_plan_names_what_never_fits(ganray, tmp_path):
    small = tmp_path / "small.yaml"
    small.write_text(SHIPPED.read_text().replace("cpus: 2", "cpus: 1"))
    called = ganray("cluster", "plan", small, "--recipe", "source_filter_small", "--json")
    assert called.code == 3
    assert [one["reason"] for one in called.document["never"]] == ["pools.machine.max_nodes"]


def test_prices_that_are_no_numbers_are_refused(ganray, tmp_path):
    (tmp_path / "prices.yaml").write_text("machine: cheap\n")
    called = ganray("cluster", "plan", SHIPPED, "--recipe", "article", "--prices", tmp_path / "prices.yaml", "--json")
    assert called.code == 2
    assert called.document["error"]["problems"][0]["path"] == "machine"


def test_prices_of_another_cluster_are_refused_with_the_names_of_this_one(ganray, tmp_path):
    (tmp_path / "prices.yaml").write_text("gpux: 1.0\n")
    called = ganray("cluster", "plan", SHIPPED, "--recipe", "article", "--prices", tmp_path / "prices.yaml")
    assert called.code == 2
    assert "has no price of" in called.err
    assert "machine" in called.err


def test_render_writes_and_then_finds_no_difference(ganray, tmp_path):
    called = ganray("cluster", "render", SHIPPED, "--out", tmp_path / "out", "--json")
    assert (called.code, called.document["files"]) == (0, ["Dockerfile"])
    assert ganray("cluster", "render", SHIPPED, "--out", tmp_path / "out", "--check").code == 0
    (tmp_path / "out" / "Dockerfile").write_text("FROM scratch\n")
    called = ganray("cluster", "render", SHIPPED, "--out", tmp_path / "out", "--check")
    assert called.code == 1
    assert "ganray cluster render" in called.err


def test_doctor_says_at_once_that_nothing_listens(ganray):
    called = ganray("cluster", "doctor", SHIPPED, "--address", "127.0.0.1:1", "--json")
    assert called.code == 1
    (check,) = called.document["checks"]
    assert (check["name"], check["ok"], check["detail"]) == ("address", False, "nothing listens on 127.0.0.1:1")
    assert check["mend"]
