"""Rules that hold between the keys of a `RunConfig`. All of them are here."""

from ganray.config.run import RunConfig
from ganray.errors import Problem


def run_rules(run: RunConfig) -> list[Problem]:
    """Every cross-field rule that `run` breaks; an empty list when all hold."""
    problems = [Problem(f"audio.{p.path}", p.value, p.rule, p.mend) for p in run.audio.rules()]
    hop, segment = run.audio.hop_length, run.data.segment_length
    if segment % hop:
        below = segment // hop * hop
        problems.append(
            Problem(
                "data.segment_length",
                segment,
                f"{segment} is no multiple of audio.hop_length {hop}",
                f"try {below} or {below + hop}" if below else f"try {hop}",
            )
        )
    if segment < run.audio.n_fft:
        problems.append(
            Problem("data.segment_length", segment, f"{segment} is shorter than audio.n_fft", f"try {16 * hop}")
        )
    judged = run.data.judged_length
    if judged is not None and (judged % hop or judged > segment):
        problems.append(
            Problem(
                "data.judged_length",
                judged,
                f"it must be a multiple of audio.hop_length {hop} and at most data.segment_length {segment}",
                f"try {segment // 2 // hop * hop}, or leave it out",
            )
        )
    if run.schedule.max_steps is None and run.schedule.max_minutes is None:
        problems.append(
            Problem("schedule", None, "training would never end", "set schedule.max_steps or schedule.max_minutes")
        )
    adversarial = run.objective.adversarial
    if run.discriminators and not (
        adversarial.ce or adversarial.lambda_mse or adversarial.hinge or adversarial.wasserstein
    ):
        problems.append(
            Problem(
                "objective.adversarial",
                0,
                "discriminators without an adversarial loss learn nothing",
                "give ce, lambda_mse, hinge or wasserstein a weight, or remove the discriminators",
            )
        )
    if adversarial.wasserstein and not adversarial.gradient_penalty:
        rule = "judges of a Wasserstein distance must have bounded slopes"
        problems.append(Problem("objective.adversarial.gradient_penalty", 0, rule, "give it a weight: 10 in WGAN-GP"))
    if run.compile and adversarial.gradient_penalty:
        rule = "torch.compile can't differentiate twice, as objective.adversarial.gradient_penalty needs"
        problems.append(Problem("compile", True, rule, "set compile to false"))
    workers = run.resources.num_workers
    if not isinstance(workers, int) and workers[0] > workers[1]:
        problems.append(
            Problem("resources.num_workers", list(workers), "[min, max] with min above max", f"try {sorted(workers)}")
        )
    if run.resources.max_workers > run.data.batch_size:
        problems.append(
            Problem(
                "resources.num_workers",
                run.resources.max_workers,
                f"more workers than the {run.data.batch_size} segments of data.batch_size",
                f"use {run.data.batch_size} workers or fewer, or a larger batch",
            )
        )
    return problems
