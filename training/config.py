"""The settings of a run: one frozen dataclass, saved as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tfvae import presets
from tfvae.checks import LARGEST_INT, PARTICLES, UserError, int_from, number_in, one_of, shown
from tfvae.estimators import catalog
from tfvae.training.data import BINARIZE

SCHEDULES = ("constant", "cosine", "burda")
EPOCHS = 999_999  # the names of checkpoints have six digits
RANGES: dict[str, tuple] = {  # of numbers, both ends included; of integers where these are
    "num_samples": (1, PARTICLES),
    "latent_size": (1, 10**6),
    "epochs": (1, EPOCHS),
    "schedule_epochs": (1, EPOCHS),
    "batch_size": (1, LARGEST_INT),
    "learning_rate": (1e-12, 1e3),
    "kl_warmup": (0, EPOCHS),
    "free_bits": (0.0, 1e6),
    "patience": (0, EPOCHS),
    "backward_particles": (0, PARTICLES),
    "replicas": (0, 128),
    "figures_every": (0, LARGEST_INT),
    "checkpoint_seconds": (0.0, 1e9),
    "validation_size": (0, LARGEST_INT),
    "seed": (0, LARGEST_INT),
}
MULTI_SAMPLES = 5  # particles for a bound that tightens with their number, where none is given
TYPES = {
    "str": str,
    "int": int,
    "int | None": (int, type(None)),
    "float": (int, float),
    "bool": bool,
    "dict": dict,
}
STRATEGIES = ("auto", "none", "mirrored", "multiworker")
PRECISIONS = ("none", "float16", "bfloat16")
JIT = ("auto", "on", "off")
LATER = {  # settings that config.json of earlier runs lacks, and what these ran with
    "condition": "none",
    "jit": "off",
    "posterior": "diagonal",
    "prior": "standard",
}
FORMER = {
    ("mixed_precision", False): "none",
    ("mixed_precision", True): "float16",
}  # values under other names
FORMER_HEADS = {
    "posterior": "diagonal",
    "prior": "standard",
}  # said of every preset, also of those with their own


@dataclass(frozen=True)
class Config:
    """Every setting of a training run.

    Attributes:
        preset, dataset, binarize, likelihood, condition, estimator, schedule, strategy, posterior, prior: names.
        estimator_options: option of the estimator to value, see `tfvae.estimators.TABLE`; its defaults for the rest.
        backward_particles: particles m, drawn by their weights, that the backward pass runs through; 0 for all K.
        num_samples: particles K in training and validation.
        latent_size: units of the latent vector.
        epochs, batch_size, learning_rate: of the optimiser.
        schedule_epochs: epochs over which the learning rate's schedule goes, whatever `epochs` is changed to later.
        kl_warmup: epochs over which the KL weight grows from 0 to 1.
        free_bits: nats for each latent unit, see `tfvae.LatentVariableModel`.
        patience: epochs without a better validation bound after which to stop; 0 never stops.
        validation_size: training examples held out; None for the data set's own or a tenth.
        seed: of weights, noise and data order.
        replicas: logical devices to split a CPU into; 0 for the devices that there are.
        mixed_precision: what layers compute in: "float16", with loss scaling, or "bfloat16"; "none" is float32.
        jit: what XLA compiles: "on" the training step, all but its random numbers; "off" nothing; "auto" the step on
            one CPU device for presets that gain by it, otherwise its large log-densities.
        figures_every: epochs between figures; 0 for the end alone.
        checkpoint_seconds: least time between checkpoints; the last epoch always makes one.
        tensorboard: whether to write TensorBoard's event files.
    """

    preset: str
    dataset: str
    binarize: str
    likelihood: str
    condition: str
    estimator: str
    estimator_options: dict
    backward_particles: int
    num_samples: int
    latent_size: int
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    schedule_epochs: int
    kl_warmup: int
    free_bits: float
    patience: int
    validation_size: int | None
    seed: int
    strategy: str
    replicas: int
    mixed_precision: str
    jit: str
    figures_every: int
    checkpoint_seconds: float
    tensorboard: bool
    posterior: str
    prior: str

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises:
            UserError: at the first that is of another type or out of range.
        """
        _check_types({field.name: getattr(self, field.name) for field in fields(self)})
        one_of("preset", self.preset, presets.names())
        one_of("binarize", self.binarize, BINARIZE)
        one_of("likelihood", self.likelihood, presets.LIKELIHOODS)
        if presets.LIKELIHOODS[self.likelihood] in ("grey", "levels") and self.binarize != "none":
            raise UserError(
                f"likelihood {self.likelihood} is one of grey pixels",
                expected="--binarize none",
                received=self.binarize,
                fix="leave --binarize out, or take --likelihood bernoulli",
            )
        if self.posterior == "iaf":
            catalog.check_path(self.estimator, "posterior iaf")
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("strategy", self.strategy, STRATEGIES)
        one_of("mixed_precision", self.mixed_precision, PRECISIONS)
        if self.mixed_precision == "float16":
            catalog.check_half(self.estimator)
        one_of("jit", self.jit, JIT)
        for name, ends in RANGES.items():
            value, (low, high) = getattr(self, name), ends
            if isinstance(low, float):
                number_in(name, value, low, high)
            elif value is not None:
                int_from(low, name, value, high)
        preset = presets.get(self.preset)
        presets.check_condition(preset, self.condition)
        presets.check_heads(replace(preset, condition=self.condition), self.posterior, self.prior)
        if preset.deterministic:
            self._check_deterministic(preset)
        catalog.check(
            self.estimator_spec,
            self.num_samples,
            preset.latents,
            self.backward_particles,
            preset.shares_parameters or self.prior == "vamp",
        )
        if self.free_bits and self.estimator != "elbo-analytic":
            raise UserError(
                "free_bits needs the KL divergence in closed form",
                expected="estimator elbo-analytic",
                received=self.estimator,
            )
        if self.patience and self.validation_size == 0:
            raise UserError(
                "early stopping needs validation examples", expected="patience 0", received=self.patience
            )

    def _check_deterministic(self, preset: presets.Preset) -> None:
        """Refuses settings of latent variables for a model that has none."""
        plain = {
            "estimator": preset.estimator,
            "num_samples": preset.num_samples,
            "latent_size": preset.latent_size,
        }
        zero = dict.fromkeys(("kl_warmup", "free_bits", "backward_particles"), 0)
        for name, value in (plain | zero).items():
            if getattr(self, name) != value:
                raise UserError(
                    f"preset {preset.name} has no latent variables",
                    expected=f"no --{name.replace('_', '-')}",
                    received=getattr(self, name),
                )

    @property
    def estimator_spec(self) -> dict[str, Any]:
        """What `tfvae.estimators.get` takes."""
        return {"name": self.estimator} | self.estimator_options

    @classmethod
    def resolve(cls, given: dict[str, Any]) -> Config:
        """Returns the settings that were given, the preset's for the rest, and defaults for the rest of these.

        Args:
            given: setting to value; those not given are absent or None.

        Raises:
            UserError: if a setting is out of range.
        """
        given = {name: value for name, value in given.items() if value is not None}
        preset = presets.get(given.get("preset", "digits"))
        recipe = preset.recipe
        epochs = given.get("epochs", recipe.epochs)
        likelihood = given.get("likelihood", preset.likelihood)
        estimator = given.get("estimator", preset.estimator)
        row = catalog.row(estimator)
        tightens = row.multi_sample and preset.num_samples == 1
        heads = presets.head_names(replace(preset, condition=given.get("condition", preset.condition)))
        return cls(
            **{
                "preset": preset.name,
                "dataset": preset.dataset,
                "binarize": "dynamic" if likelihood == "bernoulli" else "none",
                "likelihood": likelihood,
                "condition": preset.condition,
                "estimator": estimator,
                "estimator_options": {},
                "backward_particles": 0,
                "num_samples": MULTI_SAMPLES if tightens else preset.num_samples,
                "latent_size": preset.latent_size,
                "epochs": epochs,
                "batch_size": recipe.batch_size,
                "learning_rate": recipe.learning_rate,
                "schedule": recipe.schedule,
                "schedule_epochs": epochs,
                "kl_warmup": _share(recipe.kl_warmup, epochs) if row.latents == "continuous" else 0,
                "free_bits": 0.0,
                "patience": 0,
                "validation_size": recipe.validation_size,
                "seed": 0,
                "strategy": "auto",
                "replicas": 0,
                "mixed_precision": "none",
                "jit": "auto",
                "posterior": heads["posterior"][0],
                "prior": heads["prior"][0],
                "figures_every": max(1, epochs // 4) if isinstance(epochs, int) else 1,
                "checkpoint_seconds": 10.0,
                "tensorboard": False,
            }
            | given
        )

    @classmethod
    def from_json(cls, settings: dict[str, Any]) -> Config:
        """Returns the settings that `to_json` gave, here or in an earlier version.

        Raises:
            UserError: if settings are missing, unknown or out of range.
        """
        names = [field.name for field in fields(cls)]
        if isinstance(settings, dict):
            spanned = {"schedule_epochs": settings["epochs"]} if "epochs" in settings else {}
            flags = {name: value for name, value in settings.items() if isinstance(value, bool)}
            renamed = {name: FORMER.get((name, value), value) for name, value in flags.items()}
            settings = LATER | spanned | settings | renamed
        if not isinstance(settings, dict):
            raise UserError("the settings are none", expected="an object", received=type(settings).__name__)
        for what, odd in (
            ("missing", [name for name in names if name not in settings]),
            ("unknown", sorted(set(settings) - set(names))),
        ):
            if odd:
                raise UserError(f"settings are {what}", received=", ".join(odd))
        _check_types(settings)
        preset = replace(presets.get(settings["preset"]), condition=settings["condition"])
        for kind, heads in presets.head_names(preset).items():
            if FORMER_HEADS[kind] not in heads and settings[kind] == FORMER_HEADS[kind]:
                settings[kind] = heads[0]
        return cls(**settings)

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as plain data."""
        return asdict(self)

    def differences(self, given: dict[str, Any]) -> list[str]:
        """Returns "name (here, there)" for each given setting that is not this one."""
        return [
            f"{name} ({getattr(self, name)} there, {value} here)"
            for name, value in given.items()
            if value is not None and getattr(self, name) != value
        ]


def _check_types(settings: dict[str, Any]) -> None:
    """Raises a `UserError` for the first setting that is of another type than its field."""
    for field in fields(Config):
        value = settings[field.name]
        if not isinstance(value, TYPES[str(field.type)]) or (
            isinstance(value, bool) and field.type != "bool"
        ):
            raise UserError(f"{field.name} is of the wrong type", expected=field.type, received=shown(value))


def _share(share: float, epochs: Any) -> int:
    """Returns a share of the epochs; 0 of what is no number or too large a one, which is refused later."""
    return int(share * epochs) if isinstance(epochs, int) and epochs <= EPOCHS else 0
