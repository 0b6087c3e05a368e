"""Latent classes: groups of persons that explain how their answers go together."""

from estimators.latent_class.analysis import latent_class_analysis
from estimators.latent_class.latent_fit import LatentClassFit

__all__ = ["LatentClassFit", "latent_class_analysis"]
