"""Features of the output's distribution under a standard normal: the theory's two, and the gain."""

from __future__ import annotations

from evaluators.judging.features.feature import Feature
from evaluators.theory.quadrature import gain

OUTPUT = (
    Feature(
        "prior",
        "nats",
        "entropy prior",
        lambda s: s.output.entropy,
        digits=4,
        predicts=True,
        quick=lambda looks: looks.entropy,
    ),
    Feature(
        "correction",
        "1",
        "size of the remaining correction",
        lambda s: s.output.correction,
        digits=2,
        shown=False,
        predicts=True,
        quick=lambda looks: looks.correction,
        scale="asinh",
    ),
    Feature(
        "gain",
        "1",
        "initialisation factor",
        lambda s: gain(s.samples),
        digits=4,
        shown=False,
        quick=lambda looks: looks.gain,
        scale="log",
    ),
)
