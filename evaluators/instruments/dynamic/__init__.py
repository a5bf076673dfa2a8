"""Dynamic EAFO: activations that follow the density of their own input while a network trains.

EAFO's authors name this as a prospect (Sun et al. 2024, arXiv 2405.12954): the input's density can be
measured anew in training, and with it the correction. Taken literally the flow is ill-posed
(:mod:`evaluators.instruments.dynamic.flow`); here it moves in a small smooth family with bounded slopes.
"""

from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from evaluators.instruments.dynamic.callback import DynamicEAFO

__all__ = ["AdaptiveActivation", "DynamicEAFO"]
