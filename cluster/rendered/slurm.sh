#!/bin/bash
# Rendered from cluster/ganray.yaml by `ganray cluster render`: change that file and render again.
#SBATCH --job-name=ganray
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --mem=33000M
#SBATCH --time=08:00:00
#SBATCH --output=%x-%j.log
#SBATCH --gpus-per-node=1
#
#   sbatch slurm.sh                                    trains
#   sbatch --nodes=2 slurm.sh ganray tune … --address auto      another verb on fewer nodes
#
# A token in ~/.ray/auth_token, which all nodes see, keeps other users of the nodes out:
#   ray get-auth-token --generate
set -euo pipefail
source .venv/bin/activate
export RAY_AUTH_MODE=token
export RAY_JOB_STOP_WAIT_TIME_S=60
export RAY_health_check_period_ms=1000
export RAY_health_check_timeout_ms=3000
export RAY_health_check_failure_threshold=5
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
[ $# -gt 0 ] || set -- ganray train source_filter_small --data s3://my-bucket/data/speech --storage s3://my-bucket/runs --address auto
srun --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 \
    ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus=8 --num-gpus=1 \
    -- "$@"
