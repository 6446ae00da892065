"""Honest evaluation: log p(x) with its error, what the latent variables do, and how good samples are."""

from tfvae.evaluation.activity import ActiveUnits, active_units
from tfvae.evaluation.ais import AnnealedImportance, ais
from tfvae.evaluation.anomaly import Anomalies, find_anomalies
from tfvae.evaluation.bidirectional import Sandwich, bdmc
from tfvae.evaluation.bins import DifferentBins, different_bins
from tfvae.evaluation.classes import ClassesCovered, classes_covered
from tfvae.evaluation.closest import Closest, closest_samples
from tfvae.evaluation.codes import Accuracy, knn_accuracy, linear_probe
from tfvae.evaluation.discrepancy import frechet_distance, mmd
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.features import embed, train_features
from tfvae.evaluation.gap import check_gap, inference_gap
from tfvae.evaluation.gap_result import InferenceGap
from tfvae.evaluation.importance import LogMarginal, log_marginal
from tfvae.evaluation.kernel_density import KernelDensity, kernel_density
from tfvae.evaluation.log_normalizer import LogNormalizer, log_normalizer
from tfvae.evaluation.neighbours import density_coverage, precision_recall
from tfvae.evaluation.observation_scale import fit_observation_scale
from tfvae.evaluation.per_example import PerExample
from tfvae.evaluation.polynomial import kernel_distance
from tfvae.evaluation.posterior_moments import PosteriorMoments, posterior_moments
from tfvae.evaluation.quality import SampleQuality, halves, sample_quality
from tfvae.evaluation.rate import RateDistortion, rate_distortion
from tfvae.evaluation.scale_curve import ScaleCurve, scale_curve
from tfvae.evaluation.two_sample import classifier_test

__all__ = [
    "Accuracy",
    "ActiveUnits",
    "AnnealedImportance",
    "Anomalies",
    "ClassesCovered",
    "Closest",
    "DifferentBins",
    "InferenceGap",
    "KernelDensity",
    "LogMarginal",
    "LogNormalizer",
    "PerExample",
    "PosteriorMoments",
    "RateDistortion",
    "SampleQuality",
    "Sandwich",
    "ScaleCurve",
    "active_units",
    "ais",
    "as_examples",
    "bdmc",
    "check_gap",
    "classes_covered",
    "classifier_test",
    "closest_samples",
    "density_coverage",
    "different_bins",
    "embed",
    "find_anomalies",
    "fit_observation_scale",
    "frechet_distance",
    "halves",
    "inference_gap",
    "kernel_density",
    "kernel_distance",
    "knn_accuracy",
    "linear_probe",
    "log_marginal",
    "log_normalizer",
    "mmd",
    "posterior_moments",
    "precision_recall",
    "rate_distortion",
    "sample_quality",
    "scale_curve",
    "train_features",
]


def __dir__() -> list[str]:
    return sorted(__all__)
