"""The settings of a run: one frozen dataclass, saved as JSON, whose fields the command line and the report read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any

from tfvae import comparisons
from tfvae.checks import LARGEST_INT, PARTICLES, UserError
from tfvae.estimators import catalog
from tfvae.training import combinations, defaults
from tfvae.training.data_settings import DataSettings
from tfvae.training.defaults import EPOCHS, NO_COMPARISON, OF_LIKELIHOOD, of_preset, of_recipe
from tfvae.training.game_settings import GameSettings
from tfvae.training.hardware_settings import HardwareSettings
from tfvae.training.matching_settings import MatchingSettings
from tfvae.training.model_settings import ModelSettings
from tfvae.training.settings import REQUIRED, Chosen, check_applies, check_types, setting, settings_of


@dataclass(frozen=True)
class Config(GameSettings, MatchingSettings, HardwareSettings, DataSettings, ModelSettings):
    """Every setting of a training run. What each one is stands in its `Setting`, see `tfvae.training.settings`."""

    estimator: str | None = setting(
        "Gradient estimator. `tfvae info` lists the estimators.",
        "optimisation",
        **of_preset("estimator"),
        metavar="NAME",
        **OF_LIKELIHOOD,
    )
    estimator_options: dict | None = setting(  # noqa: RUF009
        f"Option of the estimator; may be given several times. {catalog.options_text()}.",
        "optimisation",
        default=lambda chosen: {},
        default_text="the estimator's",
        metavar="NAME=VALUE",
        **OF_LIKELIHOOD,
    )
    backward_particles: int | None = setting(
        "Particles m of the backward pass, drawn by their weights from all K; 0 takes all K.",
        "optimisation",
        default=0,
        ends=(0, PARTICLES),
        **OF_LIKELIHOOD,
    )
    num_samples: int | None = setting(
        "Particles for each example, in training and in validation.",
        "optimisation",
        default=defaults.num_samples,
        default_text=f"the preset's, or {defaults.MULTI_SAMPLES} where the bound of the estimator gains by several",
        ends=(1, PARTICLES),
        **OF_LIKELIHOOD,
    )
    epochs: int = setting(
        "Passes over the training examples.", "optimisation", **of_recipe("epochs"), ends=(1, EPOCHS)
    )
    batch_size: int = setting(
        "Examples in a step.", "optimisation", **of_recipe("batch_size"), ends=(1, LARGEST_INT), metavar="B"
    )
    learning_rate: float = setting(
        "Learning rate of Adam at the start.",
        "optimisation",
        **of_recipe("learning_rate"),
        ends=(1e-12, 1e3),
        metavar="RATE",
        title="Learning rate",
        text="{learning_rate:g}, {schedule}",
    )
    schedule: str = setting(
        "How the learning rate changes during training.",
        "optimisation",
        **of_recipe("schedule"),
        choices=("constant", "cosine", "burda"),
    )
    schedule_epochs: int = setting(
        "Epochs over which the schedule of the learning rate runs, whatever --epochs a resumption has.",
        "optimisation",
        default=lambda chosen: chosen.epochs,
        default_text="--epochs",
        ends=(1, EPOCHS),
    )
    kl_weight: float | None = setting(
        "Weight of the KL divergence in the objective of training: above 1 it is a beta-VAE. Validation and `tfvae "
        "evaluate` report the bound with weight 1.",
        "optimisation",
        default=1.0,
        ends=(0.0, 1e6),
        metavar="W",
        absent=1.0,
        title="KL weight",
        text="{kl_weight:g}",
        quiet=1,
        **OF_LIKELIHOOD,
    )
    kl_warmup: int | None = setting(
        "Epochs over which the weight of the KL divergence grows from 0 to --kl-weight.",
        "optimisation",
        default=defaults.kl_warmup,
        default_text="the preset's: a third of the epochs for cvae-*, otherwise 0; with --kl-cycles half a cycle",
        ends=(0, EPOCHS),
        title="KL warm-up",
        text="{kl_warmup} epochs",
        quiet=0,
        **OF_LIKELIHOOD,
    )
    kl_cycles: int | None = setting(
        "Number of times that the KL weight grows from 0. It stays for as long as it grew, then falls.",
        "optimisation",
        default=1,
        ends=(1, EPOCHS),
        metavar="N",
        absent=1,
        title="Cycles of the KL weight",
        text="{kl_cycles}",
        quiet=1,
        **OF_LIKELIHOOD,
    )
    free_bits: float | None = setting(
        "Nats of KL divergence that each latent unit may use without a cost.",
        "optimisation",
        default=0.0,
        ends=(0.0, 1e6),
        metavar="NATS",
        title="Free bits",
        text="{free_bits:g} nats for each unit",
        quiet=0,
        **OF_LIKELIHOOD,
    )
    latent_comparison: str | None = setting(
        "Comparison of the codes of a batch in training, beside their KL divergence: with draws from p(z), or of their "
        "units with independent ones. Validation and `tfvae evaluate` report the plain bound.",
        "optimisation",
        default=NO_COMPARISON,
        choices=(NO_COMPARISON, *comparisons.latent_names()),
        absent=NO_COMPARISON,
        title="Comparison of codes",
        text="{latent_comparison}, with weight {latent_weight:g}",
        quiet=NO_COMPARISON,
        **OF_LIKELIHOOD,
    )
    latent_weight: float | None = setting(
        "Weight of --latent-comparison in the loss.",
        "optimisation",
        default=defaults.latent_weight,
        default_text=", ".join(
            f"{name} {comparisons.latent(name).weight:g}" for name in comparisons.latent_names()
        ),
        ends=(0.0, 1e6),
        metavar="W",
        absent=0.0,
        **OF_LIKELIHOOD,
    )
    patience: int = setting(
        "Epochs without a better validation bound after which training stops; 0 never stops early.",
        "optimisation",
        default=0,
        ends=(0, EPOCHS),
        title="Early stopping",
        text="after {patience} epochs without a better validation bound",
        quiet=0,
    )
    validation_size: int | None = setting(
        "Training examples held out for validation; 0 trains on all.",
        "data",
        default=defaults.validation_size,
        default_text="the preset's, the data set's own or a tenth",
        ends=(0, LARGEST_INT),
    )
    seed: int = setting(
        "Seed of the weights, of the noise and of the order of the data.",
        "optimisation",
        default=0,
        ends=(0, LARGEST_INT),
        title="Seed",
    )
    figures_every: int = setting(
        "Epochs between figures; 0 draws them at the end alone.",
        "output",
        default=defaults.figures_every,
        default_text="a quarter of the epochs",
        ends=(0, LARGEST_INT),
    )
    checkpoint_seconds: float = setting(
        "Least time between two checkpoints; the last epoch always makes one.",
        "output",
        default=10.0,
        ends=(0.0, 1e9),
        metavar="SECONDS",
    )
    tensorboard: bool = setting("Write event files for TensorBoard.", "output", default=False)

    def __post_init__(self) -> None:
        """Checks every setting.

        Raises:
            UserError: at the first that is of another type or out of range.
        """
        check_types(Config, vars(self))
        for name, one in SETTINGS.items():
            check_applies(name, one, self)
            one.check(name, getattr(self, name))
        combinations.check(self)

    @property
    def estimator_spec(self) -> dict[str, Any]:
        """What `tfvae.estimators.get` takes."""
        return {"name": self.estimator} | (self.estimator_options or {})

    @property
    def particles(self) -> int:
        """Particles of each example in a step: 1 where the model has none."""
        return self.num_samples or 1

    @classmethod
    def resolve(cls, given: Mapping[str, Any]) -> Config:
        """Returns the settings that were given, and for the rest the preset's or the defaults.

        Args:
            given: setting to value; those not given are absent or None.

        Raises:
            UserError: if a setting is out of range.
        """
        given = {name: value for name, value in given.items() if value is not None}
        chosen = Chosen(SETTINGS, given)
        return cls(**{name: getattr(chosen, name) for name in SETTINGS} | given)

    @classmethod
    def from_json(cls, settings: Any) -> Config:
        """Returns the settings that `to_json` gave.

        Raises:
            UserError: if settings are missing, unknown or out of range.
        """
        if not isinstance(settings, dict):
            raise UserError("the settings are none", expected="an object", received=type(settings).__name__)
        absent = {name: one.absent for name, one in SETTINGS.items() if one.absent is not REQUIRED}
        given, settings = settings, absent | settings
        for what, odd in (
            ("missing", [name for name in SETTINGS if name not in settings]),
            ("unknown", sorted(set(settings) - set(SETTINGS))),
        ):
            if odd:
                raise UserError(f"settings are {what}", received=", ".join(odd))
        chosen = SimpleNamespace(**settings)
        without = [name for name in absent if name not in given and not SETTINGS[name].applies(chosen)]
        return cls(**settings | dict.fromkeys(without))

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as plain data."""
        return asdict(self)

    def differences(self, given: Mapping[str, Any]) -> list[str]:
        """Returns "name (here, there)" for each given setting that is not this one."""
        return [
            f"{name} ({getattr(self, name)} there, {value} here)"
            for name, value in given.items()
            if value is not None and getattr(self, name) != value
        ]


SETTINGS = settings_of(Config)  # name -> Setting, in the order of the fields
