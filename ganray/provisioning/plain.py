"""A Dockerfile and a Slurm script."""

import shlex

from ganray.config.cluster import ClusterConfig
from ganray.config.machines import SlurmConfig
from ganray.provisioning.start import PORT, assignments, environment
from ganray.provisioning.versions import minor_python

USER_ID = 1000
"""User of the containers: never root."""
_REMOTE = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}


def dockerfile(cluster: ClusterConfig) -> str:
    """An image of this checkout for every pool: torch's default build works with and without a GPU."""
    wanted = [f"{name}{versions}" for name, versions in cluster.packages.items() if name not in ("python", "ganray")]
    scheme = cluster.storage.partition("://")[0] if "://" in cluster.storage else ""
    wanted += [_REMOTE[scheme]] if scheme in _REMOTE else []
    packages = " ".join(shlex.quote(package) for package in ["./source", *wanted])
    tag = cluster.image or "ganray"
    return f"""#
#   docker build -f cluster/rendered/Dockerfile -t {tag} .      in the checkout
FROM python:{minor_python(cluster)}-slim

# wget: KubeRay's health checks. rsync, openssh-client: Ray's launcher.
RUN apt-get update \\
    && apt-get install -y --no-install-recommends openssh-client rsync wget \\
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid {USER_ID} --create-home ray
WORKDIR /home/ray

COPY pyproject.toml README.md LICENSE source/
COPY ganray source/ganray
RUN pip install --no-cache-dir {packages} && rm -rf source
COPY --chown=ray:ray serve serve
COPY --chown=ray:ray tune_configs tune_configs

USER {USER_ID}
ENV RAY_USAGE_STATS_ENABLED=0
"""


def slurm(cluster: ClusterConfig, config: SlurmConfig) -> str:
    """One job: Ray on every node, the verb on the first, then Ray ends. `sbatch slurm.sh [COMMAND …]`."""
    pool = cluster.pools[cluster.pool_of("train")]
    work = cluster.workload
    directives = {
        "job-name": cluster.name,
        "nodes": str(pool.max_nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": f"{int(pool.cpus)}",
        "mem": f"{int(pool.memory_gb * 1.5 * 1000)}M",
        "time": config.time,
        "output": "%x-%j.log",
    }
    if pool.gpus:
        directives["gpus-per-node"] = str(pool.gpus)
    if config.partition:
        directives["partition"] = config.partition
    # One kind of machine: every node will do, so no verb asks for a pool.
    exports = {key: value for key, value in environment(cluster).items() if key != "GANRAY_POOLS"}
    command = f"ganray train {work.recipe} --data {work.data} --storage {cluster.storage} --address auto"
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH --{name}={value}" for name, value in directives.items()),
            "#",
            "#   sbatch slurm.sh                                    trains",
            "#   sbatch --nodes=2 slurm.sh ganray tune … --address auto      another verb on fewer nodes",
            "#",
            "# A token in ~/.ray/auth_token, which all nodes see, keeps other users of the nodes out:",
            "#   ray get-auth-token --generate",
            "set -euo pipefail",
            *config.setup,
            *(f"export {one}" for one in assignments(exports)),
            'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            f"[ $# -gt 0 ] || set -- {command}",
            'srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \\',
            f'    ray symmetric-run --address "$head:{PORT}" --min-nodes "$SLURM_JOB_NUM_NODES" \\',
            f"    --num-cpus={int(pool.cpus)} --num-gpus={pool.gpus} \\",
            '    -- "$@"',
            "",
        ]
    )
