"""`ganray cluster`: the one cluster config, and the cluster that should match it."""

from pathlib import Path

import click

from ganray.cli.options import emit, json_option, note, set_option
from ganray.config import load
from ganray.config.cluster import ClusterConfig, cluster_rules
from ganray.config.documents import read_yaml
from ganray.errors import ConfigError, GanrayError, Problem

DEFAULT = Path("cluster/ganray.yaml")


@click.group("cluster")
def group() -> None:
    """Describe your machines once, and see whether they are as described.

    \b
    Example:
      ganray cluster check
      ganray cluster check cluster/ganray.yaml --address auto
    """


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--address", help="Compare with the cluster that runs there: HOST:PORT, or auto for this machine's.")
@json_option
def check(file: Path, address: str | None, as_json: bool) -> None:
    """Check FILE (cluster/ganray.yaml by default), and with --address the cluster that runs.

    \b
    Example:
      ganray cluster check
      ganray cluster check cluster/ganray.yaml --address auto --json
    """
    cluster = load(ClusterConfig, file, rules=cluster_rules)
    document = {"cluster": cluster.name, "config": cluster.model_dump(mode="json"), "checks": []}
    if address is None:
        emit(document, _summary(cluster, file), as_json)
        return
    checks = _look(cluster, address)
    failed = [one for one in checks if not one["ok"]]
    if failed:
        problems = [Problem(one["name"], one["ok"], one["detail"], one["mend"]) for one in failed]
        count = f"{len(failed)} of {len(checks)} checks"
        raise GanrayError(f"{count} failed: the cluster at {address} is not what {file} says", problems=problems)
    lines = [f"{one['name']:<20} {one['detail']}" for one in checks]
    emit(document | {"checks": checks}, "\n".join([*lines, f"{cluster.name}: {len(checks)} checks passed"]), as_json)


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--address", default="auto", show_default=True, envvar="RAY_ADDRESS", help="Cluster: HOST:PORT, or auto.")
@json_option
def doctor(file: Path, address: str, as_json: bool) -> int:
    """Ask every machine of the cluster that runs whether it is as FILE says: a line each, ok or what to do.

    Exit code 1 where something is not.

    \b
    Example:
      ganray cluster doctor cluster/laptop.yaml
      ganray cluster doctor cluster/rack.yaml --address 10.77.0.1:6379 --json
    """
    cluster = load(ClusterConfig, file, rules=cluster_rules)
    try:
        checks = _look(cluster, address)
    except GanrayError as error:  # no cluster, or no token: the first thing a doctor should say
        checks = [{"name": "address", "ok": False, "detail": error.message, "mend": error.mend}]
    lines = [
        f"{'ok' if one['ok'] else 'BAD':<4}{one['name']:<18}{one['detail']}" + ("" if one["ok"] else f"; {one['mend']}")
        for one in checks
    ]
    emit({"cluster": cluster.name, "checks": checks}, "\n".join(lines), as_json)
    return 0 if all(one["ok"] for one in checks) else 1


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to; `rendered` beside FILE without it.")
@click.option("--check", "check_only", is_flag=True, help="Write nothing; exit with 1 if the folder's files differ.")
@json_option
def render(file: Path, out: Path | None, check_only: bool, as_json: bool) -> None:
    """Write what Ray's launcher, Kubernetes, Docker and Slurm read, from FILE (cluster/ganray.yaml by default).

    \b
    Example:
      ganray cluster render
      ganray cluster render cluster/aws.yaml --out my-cluster && ray up my-cluster/aws.yaml
    """
    from ganray.provisioning.render import differences, write
    from ganray.provisioning.render import render as render_all
    from ganray.serving.document import read

    cluster = load(ClusterConfig, file, rules=cluster_rules)
    folder = out or file.parent / "rendered"
    files = render_all(cluster, read(cluster.workload.service), file.as_posix())
    document = {"cluster": cluster.name, "out": str(folder), "files": list(files)}
    if not check_only:
        write(files, folder)
        emit(document, "\n".join(str(folder / name) for name in files), as_json)
        return
    changed = differences(files, folder)
    if changed:
        problems = [Problem(str(folder / name), None, f"is not what {file} says") for name in changed]
        mend = f"ganray cluster render {file} --out {folder}"
        raise GanrayError(f"{len(changed)} files differ", mend=mend, problems=problems)
    emit(document, f"{folder}: {len(files)} files, as {file} says", as_json)


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--recipe", help="A training: name of a recipe in the box, or a YAML file.")
@click.option("--sweep", type=click.Path(), help="A sweep's YAML.")
@click.option("--serve", "service", type=click.Path(), help="A service's YAML.")
@click.option("--prices", type=click.Path(path_type=Path), help="YAML of an hour's price by pool or instance.")
@json_option
def plan(
    file: Path, recipe: str | None, sweep: str | None, service: str | None, prices: Path | None, as_json: bool
) -> int:
    """Say what fits FILE's machines, what waits and why, and what it costs. Exit code 3: something never fits.

    Without --recipe, --sweep and --serve: the workload of FILE. Nothing is started, and no cluster is asked.

    \b
    Example:
      ganray cluster plan --recipe hifigan_v1 --serve serve/local.yaml
      ganray cluster plan cluster/aws.yaml --sweep tune_configs/smoke.yaml --prices prices.yaml --json
    """
    from ganray.provisioning.plan import plan as make

    cluster = load(ClusterConfig, file, rules=cluster_rules)
    work = cluster.workload
    if not (recipe or sweep or service):
        recipe, sweep, service = work.recipe, work.sweep, work.service
    found = make(cluster, _demands(recipe, sweep, service), _prices(prices, cluster))
    emit(found.as_json(), found.table(cluster.limits.currency), as_json)
    return 0 if found.fits else 3


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT)
@click.option("--out", type=click.Path(path_type=Path), help="Folder; security.tls_dir without it.")
@click.option("--force", is_flag=True, help="Replace those that are there.")
@json_option
def certificates(file: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Make what TLS between FILE's machines needs: node.crt, node.key and ca.crt, for all of them.

    Every machine needs the folder before Ray starts there; `ray up` copies it onto a rack's.

    \b
    Example:
      ganray cluster certificates cluster/rack.yaml
      ganray cluster certificates cluster/laptop.yaml --out my-tls
    """
    from ganray.provisioning.certificates import hosts, make

    cluster = load(ClusterConfig, file, rules=cluster_rules)
    folder, names = (out or Path(cluster.security.tls_dir)).expanduser(), hosts(cluster)
    ends = make(folder, cluster.name, names, force=force)
    text = f"{folder}: for {', '.join(names)}, until {ends:%Y-%m-%d}"
    if not cluster.security.tls:
        text += f"\nswitch it on: security.tls: true in {file}"
    emit({"folder": str(folder), "hosts": names, "ends": ends.isoformat()}, text, as_json)


@group.command(context_settings={"allow_interspersed_args": False})
@click.argument("verb", nargs=-1, required=True)
@click.option("--address", default="http://127.0.0.1:8265", show_default=True, envvar="RAY_ADDRESS", help="Job server.")
@click.option(
    "--working-dir", metavar="DIR", help="Folder that is sent along, else this one; .rayignore keeps data out."
)
@click.option("--runtime-env", metavar="FILE", help="YAML of Ray's runtime environment: env_vars, pip, py_modules, …")
@click.option("--name", help="Of the job, as `ray job logs NAME` takes it.")
@click.option("--no-wait", is_flag=True, help="Return when the job is taken.")
@json_option
def submit(
    verb: tuple[str, ...],
    address: str,
    working_dir: str | None,
    runtime_env: str | None,
    name: str | None,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Run VERB as a job on a cluster, follow its output, and end with its exit code. Ctrl-C stops the job.

    The plain Ray command is printed before it runs. With --json the job's output goes to stderr.

    \b
    Example:
      ganray cluster submit -- ganray train source_filter_small --data s3://bucket/data/mine --storage s3://bucket/runs
      ganray cluster submit --no-wait -- ganray tune tune_configs/lambda_lr.yaml --data /shared/mine
      ganray cluster submit --runtime-env env.yaml -- ganray train source_filter_small --data /shared/mine
    """
    from dataclasses import asdict

    from ganray.provisioning.submit import submit as send

    job = send(
        verb, address=address, working_dir=working_dir, runtime_env=runtime_env, name=name, wait=not no_wait,
        tell=lambda line: click.echo(line, err=True),
    )  # fmt: skip
    follow = f"ray job logs --address {address} --follow {job.id}"
    emit(asdict(job), f"{job.id}: {job.status.lower()}" + (f"; follow it: {follow}" if no_wait else ""), as_json)
    if job.status == "STOPPED":
        return 130
    return 0 if no_wait or job.status == "SUCCEEDED" else job.exit_code or 1


@group.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("cluster/pipelines/speech.yaml"))
@click.option("--name", help="Instead of the file's: what ended under a name is not done again.")
@set_option
@json_option
def pipeline(file: Path, name: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Run the verbs of FILE (cluster/pipelines/speech.yaml by default) one after the other; called again, it goes on.

    Each step's exit code, when it fails, is the pipeline's. On a cluster, submit it as one job.

    \b
    Example:
      ganray cluster pipeline mine.yaml --name tuesday --set storage=/shared
      ganray cluster submit -- ganray cluster pipeline cluster/pipelines/speech.yaml --name tuesday
    """
    from ganray.config.pipeline import PipelineConfig, pipeline_rules
    from ganray.provisioning.pipeline import run

    sets = [*overrides, *([f"name={name}"] if name else [])]
    done = run(load(PipelineConfig, file, sets, rules=pipeline_rules), note)
    did, had = (", ".join(done[key]) or "nothing" for key in ("did", "had"))
    emit(done, f"{done['pipeline']}: did {did}; ended before: {had}", as_json)


def _demands(recipe: str | None, sweep: str | None, service: str | None) -> list:
    """What the given files ask for; each is checked as its verb checks it."""
    from ganray.config.serve import ServeConfig
    from ganray.provisioning import demands

    found = []
    if recipe:
        from ganray.models import load_run

        run = load_run(recipe)
        found.append(demands.of_training(run.name, run.resources))
    if sweep:
        from ganray.tuning import load_sweep

        config, run = load_sweep(sweep)
        found.append(demands.of_sweep(config, run.resources))
    if service:
        from ganray.serving.document import IMPORT_PATH, read

        for application in read(service)["applications"]:
            if application["import_path"] == IMPORT_PATH:
                found += demands.of_service(load(ServeConfig, application["args"]))
    return found


def _prices(path: Path | None, cluster: ClusterConfig) -> dict[str, float]:
    """{pool or instance: an hour's price} of a file, which may name those of other clusters, too."""
    if path is None:
        return {}
    prices = read_yaml(path)
    wrong = [Problem(key, value, "is no price") for key, value in prices.items() if type(value) not in (int, float)]
    if wrong:
        raise ConfigError(f"{len(wrong)} problems in {path}", mend="write POOL: 1.25", problems=wrong)
    known = [name for pool, its in cluster.pools.items() for name in (pool, *its.instances.values())]
    if not prices.keys() & known:
        raise ConfigError(
            f"{path} has no price of {cluster.name}", mend=f"name one of {', '.join(dict.fromkeys(known))}"
        )
    return prices


def _look(cluster: ClusterConfig, address: str) -> list[dict]:
    """The checks of a running cluster, as documents."""
    from dataclasses import asdict

    import ray

    from ganray.provisioning import probe
    from ganray.provisioning.check import check as compare
    from ganray.provisioning.connect import connect

    host, _, port = address.rpartition(":")
    if port.isdecimal() and "/" not in host and probe.closed_ports([(host, int(port))]):  # Ray would try for minutes
        raise GanrayError(f"nothing listens on {address}", mend="start the head, or look at the address and firewalls")

    ours = connect(address)
    try:
        return [asdict(one) for one in compare(cluster)]
    finally:
        if ours:
            ray.shutdown()


def _summary(cluster: ClusterConfig, file: Path) -> str:
    import shlex

    from ganray.provisioning.start import assignments, head_command, head_environment

    pools = [
        f"  {name:<12} {pool.min_nodes} to {pool.max_nodes} × {pool.cpus:g} CPU, {pool.gpus} GPU, {pool.memory_gb:g} GB"
        for name, pool in cluster.pools.items()
    ]
    setting = " ".join(assignments(head_environment(cluster)))
    return "\n".join(
        [
            f"{file}: no problem",
            f"{cluster.name}, storage {cluster.storage}",
            *pools,
            "start its head, then compare:",
            f"  {setting} {shlex.join(head_command(cluster))}",
            f"  ganray cluster check {file} --address auto",
        ]
    )
