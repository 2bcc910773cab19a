"""`RunConfig`: everything that decides what a training does. Train, tune, evaluate and plan read this one schema.

Order of precedence: these defaults < recipe < `--set a.b=v` or a sweep's `set` < a trial's sample.
No inheritance and no interpolation: what you read is what runs.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ganray.config.audio import AudioConfig
from ganray.config.schema import Schema

Weight = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Measured = Literal["mel", "stft", "pesq", "estoi", "distillmos", "per", "wer"]
Decay = Literal["none", "cosine", "linear", "exponential"]


class Architecture(Schema):
    """A network: `type` is a module's file name under `ganray.models`, which defines the other keys."""

    model_config = ConfigDict(extra="allow")

    type: str
    """File name of the module, without `.py`."""


class DataConfig(Schema):
    """What one update sees."""

    batch_size: Count = 16
    """Segments an update, over all workers: the result does not depend on how many workers share it."""
    segment_length: int = Field(16_128, ge=512)
    """Samples of a segment; a multiple of audio.hop_length."""
    judged_length: int | None = Field(None, ge=512)
    """Samples of each segment that the discriminators hear, cut at a random place: they cost most of an update.
    None: all of it."""
    accumulate: Count = 1
    """Parts that each worker's share of a batch is computed in, one after the other: the same update in less memory."""
    split: str = "train"
    """Split of the dataset to learn from."""

    @property
    def heard_length(self) -> int:
        """Samples of a segment that the discriminators hear."""
        return self.judged_length or self.segment_length


class AdversarialConfig(Schema):
    """L = ce · L_ce + lambda_mse · L_mse + hinge · L_hinge + wasserstein · L_w."""

    ce: Weight = 0.0
    """Binary cross-entropy on the discriminators' logits (Goodfellow et al. 2014)."""
    lambda_mse: Weight = 1.0
    """Least squares (Mao et al. 2017)."""
    hinge: Weight = 0.0
    """Hinge (Lim & Ye 2017)."""
    wasserstein: Weight = 0.0
    """Difference of the judges' means (Arjovsky et al. 2017); it needs gradient_penalty."""
    gradient_penalty: Weight = 0.0
    """Of the judges: how far their slope between real and fake is from one (WGAN-GP, Gulrajani et al. 2017: 10)."""


class WeightsConfig(Schema):
    """Weights of the generator's losses. A weight of 0: measured and logged, not trained on."""

    adversarial: Weight = 1.0
    """To pass for real."""
    feature_matching: Weight = 0.4
    """L1 between the discriminators' inner features of real and fake (Kumar et al. 2019)."""
    mel: Weight = 15.0
    """L1 of log-mel spectrograms at several resolutions."""
    stft: Weight = 0.0
    """Multi-resolution STFT: spectral convergence + log magnitude (Yamamoto et al. 2020)."""
    f0: Weight = 1.0
    """The generator's own F0 head against the dataset's F0, where it has one."""
    alignment: Weight = 1.0
    """Of a text generator: the forward sum over all ways the text can lie over the recording."""
    acoustic: Weight = 10.0
    """Of a text generator: L1 of the scaled log-mel of whole clips."""
    duration: Weight = 1.0
    """Of a text generator: squared error of the logarithm of each symbol's frames."""
    pitch: Weight = 1.0
    """Of a text generator: F0 and voicing as predicted from text."""
    energy: Weight = 1.0
    """Of a text generator: squared error of each symbol's mean log-mel."""


class ObjectiveConfig(Schema):
    """What is minimised."""

    adversarial: AdversarialConfig = AdversarialConfig()
    """How real and fake are told apart."""
    weights: WeightsConfig = WeightsConfig()
    """How the generator's losses add up."""


class OptimiserConfig(Schema):
    """AdamW (Loshchilov & Hutter 2019)."""

    lr: float = Field(5e-4, gt=0, le=1)
    """Peak learning rate."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.8, 0.99)
    """Decay of the running moments."""
    weight_decay: Weight = 0.01
    """Decoupled weight decay."""
    clip_norm: Weight = 10.0
    """Largest global norm of the gradient; 0: not clipped."""
    every_steps: Count = 1
    """Update the network every so many steps, once both learn."""
    warmup_steps: int | None = Field(None, ge=0)
    """This network's own; None: schedule.warmup_steps."""
    decay: Decay | None = None
    """This network's own; None: schedule.decay."""
    final_ratio: Ratio | None = None
    """This network's own; None: schedule.final_ratio."""
    freeze: tuple[str, ...] = ()
    """Parameters that keep their values: names, or patterns of names as in `["backbone.*"]`."""


class DiscriminatorOptimiserConfig(OptimiserConfig):
    """AdamW for all discriminators together."""

    start_step: int = Field(0, ge=0)
    """Update before which there is no adversarial training: the generator first learns the spectrum alone."""


class OptimConfig(Schema):
    """Both optimisers."""

    generator: OptimiserConfig = OptimiserConfig()
    """Of the generator."""
    discriminator: DiscriminatorOptimiserConfig = DiscriminatorOptimiserConfig()
    """Of the discriminators."""


class ScheduleConfig(Schema):
    """When training ends, and how the learning rates move. With both limits, whichever comes first ends it."""

    max_steps: int | None = Field(None, ge=1)
    """Updates."""
    max_minutes: float | None = Field(None, gt=0)
    """Minutes of training, resumed parts counted together."""
    warmup_steps: int = Field(100, ge=0)
    """Learning rates rise linearly from 0 over so many steps."""
    decay: Decay = "cosine"
    """Shape from the peak down to `final_ratio`, over the steps or the minutes that training may take."""
    final_ratio: Ratio = 0.02
    """Last learning rate over peak."""


class InitConfig(Schema):
    """What the networks begin with."""

    source: str | None = None
    """Folder of a run (its best checkpoint) or of a voice, or `english`, which comes with ganray; None: random weights,
    from the seed."""
    parts: Literal["all", "generator", "vocoder"] = "all"
    """`all`: of a run, also its discriminators and both optimisers. A voice holds a generator alone, or of imported
    ones (`ganray import hifigan --discriminators`) those too.
    `vocoder`: a mel generator becomes the vocoder of a text generator, and of a run, its discriminators come along."""


class HealingConfig(Schema):
    """What happens when training goes wrong: back to the last good checkpoint, with smaller steps, and on."""

    max_rollbacks: int = Field(3, ge=0)
    """How often, before training ends with exit code 5 and a diagnosis. 0: at once."""
    lr_factor: float = Field(0.5, gt=0, le=1)
    """Both learning rates are multiplied by this at every rollback."""
    clip_factor: float = Field(0.5, gt=0, le=1)
    """So are both clip norms."""
    pinned_steps: int = Field(2000, ge=0)
    """Updates in a row with discriminators that are always right that count as collapse. 0: never."""
    loss_jump: float = Field(4.0, ge=0)
    """A mel or feature-matching loss of so many times its recent median counts as collapse. 0: never."""
    silence_dbfs: float = Field(-80.0, le=0)
    """A generator whose output is steadily below this level counts as collapsed."""


class CheckpointConfig(Schema):
    """Checkpoints hold all a run owns."""

    every_steps: Count = 1000
    """Steps between two."""
    keep_best: Count = 1
    """How many of the best by `measure` stay."""
    keep_last: Count = 2
    """How many of the newest stay."""
    measure: Measured = "mel"
    """The held-out measure that says which is best."""


class ValidationConfig(Schema):
    """Held-out clips, resynthesised by the averaged generator."""

    every_steps: Count = 1000
    """Steps between two."""
    clips: Count = 8
    """How many clips of the validation split."""
    measures: tuple[Measured, ...] = ("mel",)
    """What is measured; checkpoint.measure is measured anyway. All but mel and stft need ganray[evaluate]."""


class LogConfig(Schema):
    """metrics.jsonl and TensorBoard."""

    every_steps: Count = 10
    """Steps between two lines."""
    trackers: tuple[Literal["wandb", "mlflow"], ...] = ()
    """What shows the run besides TensorBoard: needs ganray[trackers]. Both write into the run's folder and send
    nothing anywhere, unless WANDB_MODE or MLFLOW_TRACKING_URI says so."""
    ledger: bool = False
    """Also write down which segments every update learned from: ledger.jsonl."""


class ResourcesConfig(Schema):
    """What a training takes from the cluster."""

    num_workers: Count | tuple[Count, Count] = 1
    """Data-parallel workers, or [min, max]. The result does not depend on it."""
    cpus_per_worker: float = Field(1, gt=0)
    """CPU cores of each; also its number of threads."""
    gpus_per_worker: float = Field(0, ge=0)
    """GPUs of each, fractions allowed."""
    max_failures: int = Field(3, ge=0)
    """Lost workers and nodes that a training survives; it goes on from its newest checkpoint. Preempted nodes don't
    count."""

    @property
    def max_workers(self) -> int:
        """The most workers that may run."""
        return self.num_workers if isinstance(self.num_workers, int) else self.num_workers[1]


class RunConfig(Schema):
    """Everything that decides what a training does."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["my_recipe"])
    """Begins the run's folder name."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Every random choice comes from it, the epoch and the sample; never from a rank."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Of everything but spectra. `auto`: bf16 where the hardware multiplies it natively (CUDA, AMX), else fp32."""
    deterministic: bool = False
    """Only algorithms that give the same bits every time."""
    compile: bool = False
    """torch.compile for the generator and each discriminator: minutes at the start, faster updates on a GPU."""
    ema_decay: float = Field(0.999, ge=0, lt=1)
    """Decay of the generator's running average, which is what is validated and exported."""
    audio: AudioConfig = AudioConfig()
    """The audio contract."""
    data: DataConfig = DataConfig()
    """What one update sees."""
    generator: Architecture = Field(examples=[{"type": "source_filter"}])
    """The network that makes the waveform."""
    discriminators: tuple[Architecture, ...] = ()
    """The networks that judge it."""
    objective: ObjectiveConfig = ObjectiveConfig()
    """What is minimised."""
    optim: OptimConfig = OptimConfig()
    """How."""
    schedule: ScheduleConfig = ScheduleConfig()
    """How long."""
    checkpoint: CheckpointConfig = CheckpointConfig()
    """What is kept."""
    validation: ValidationConfig = ValidationConfig()
    """What is measured."""
    init: InitConfig = InitConfig()
    """What it begins with."""
    healing: HealingConfig = HealingConfig()
    """What happens when it goes wrong."""
    log: LogConfig = LogConfig()
    """What is written down."""
    resources: ResourcesConfig = ResourcesConfig()
    """On what."""
