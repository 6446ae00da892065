"""The sections of the report, and why one that does not apply is left out.

What a section says, and the rows of its tables, stand in its template, templates/sections/NAME.html.
"""

from __future__ import annotations

from typing import NamedTuple

from tfvae.training.report.content import ReportContent

EVERY, LIKELIHOOD = (None, "critic", "sets", "densities"), (None,)
NO_LATENTS = "the model has no latents"


class Section(NamedTuple):
    """A section of the report.

    Attributes:
        name: name of its template, and of the place that links lead to.
        title: its heading.
        latents: why it is left out for a model without latents; "" where it is not.
        needs: numbers of evaluation.json without which it is left out.
        shows: figures, with none of which it is left out.
        otherwise: why it is left out then.
        reason: number of evaluation.json that tells a better reason, where there is one.
        kinds: kinds of models that it is about, see `RunFacts.compares`; it is not even named for others.
    """

    name: str
    title: str
    latents: str = ""
    needs: tuple[str, ...] = ()
    shows: tuple[str, ...] = ()
    otherwise: str = ""
    reason: str = ""
    kinds: tuple[str | None, ...] = EVERY

    def absent(self, content: ReportContent) -> str | None:
        """Returns why the section is left out; None where it applies."""
        if self.latents and content.facts.latents is None:
            return self.latents
        if content.has(*self.needs) and (not self.shows or set(self.shows) & set(content.pictures)):
            return None
        return content.result.get(self.reason) or self.otherwise


SECTIONS = (
    Section("trained", "What was trained"),
    Section("likelihood", "How likely the data are"),
    Section(
        "gap",
        "What the bound loses: the inference gap",
        latents=f"{NO_LATENTS}, its bound is the likelihood itself",
        needs=("inference_gap",),
        otherwise="it was not computed; tfvae evaluate --gap does that",
        reason="gap_missing",
        kinds=LIKELIHOOD,
    ),
    Section(
        "rate-distortion",
        "Rate and distortion",
        latents=NO_LATENTS,
        needs=("rate", "distortion"),
        otherwise="rate and distortion were not computed",
        reason="rate_missing",
        kinds=LIKELIHOOD,
    ),
    Section("samples", "Samples beside real data", kinds=(None, "critic", "sets")),
    Section("game", "The game", shows=("outputs",), otherwise="there is no picture of it", kinds=("critic",)),
    Section(
        "course",
        "Samples in the course of training",
        shows=("course",),
        otherwise="there is no picture of this kind of data",
        kinds=("critic", "sets"),
    ),
    Section(
        "reconstructions",
        "Reconstructions",
        latents=NO_LATENTS,
        shows=("reconstructions",),
        otherwise="there is no picture of this kind of data",
        kinds=LIKELIHOOD,
    ),
    Section(
        "latent-map",
        "The latent map",
        latents=NO_LATENTS,
        shows=("latent_map", "manifold"),
        otherwise="there is no picture of it",
        kinds=LIKELIHOOD,
    ),
    Section(
        "active-units",
        "Active units",
        needs=("active_units", "units_by_layer", "active_threshold"),
        otherwise=NO_LATENTS,
        kinds=LIKELIHOOD,
    ),
    Section(
        "codes",
        "What the codes know",
        latents=NO_LATENTS,
        needs=("knn_accuracy", "linear_probe_accuracy"),
        otherwise="the codes were not asked for labels",
        reason="codes_missing",
        kinds=LIKELIHOOD,
    ),
    Section("curves", "How training went", shows=("loss_curves",), otherwise="there is no history.csv"),
)
