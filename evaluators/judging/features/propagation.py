"""Features of mean-field theory: what a function does to signals and gradients in a wide random network.

The networks are those of Poole et al. (2016, arXiv 1606.05340) and Schoenholz et al. (2017, arXiv 1611.01232), without
bias and with weights scaled by the gain, so that every layer's input is a standard normal. All are pure numbers.
"""

from __future__ import annotations

from evaluators.judging.features.feature import Subject, for_models
from evaluators.judging.looks import Looks
from evaluators.judging.rows import Rows
from evaluators.theory.density import Array
from evaluators.theory.hermite import fixed_point


def correlation_slope(rows: Rows) -> Array:
    """Return the slope at 0 of the correlation map C(c) = E[f(u)f(v)]/E[f^2], u and v of correlation c, in [0, 1].

    It is the share of the second moment of the first Hermite degree. Poole et al. 2016, equation 5, is the map.
    """
    slope: Array = rows.hermite_shares[:, 1]
    return slope


def correlation_point(rows: Rows, chi1: Array) -> Array:
    """Return the correlation that the map leaves as it is and that unrelated inputs come to, in [0, 1].

    Schoenholz et al. 2017, section 3, call it c*; see :func:`evaluators.theory.hermite.fixed_point`.
    """
    return fixed_point(rows.hermite_shares, chi1)


def _point_of(subject: Subject) -> float:
    return float(correlation_point(subject.rows, subject.rows.chi1)[0])


def _point_at_once(looks: Looks) -> Array:
    return correlation_point(looks.rows, looks.rows.chi1)


PROPAGATION = (
    for_models(
        "second_moment",
        "second moment",
        lambda s: s.mean_field.second_moment,
        quick=lambda looks: looks.rows.second_moment,
        scale="log",
    ),
    for_models(
        "mean_share",
        "share of the mean",
        lambda s: s.mean_field.mean_share,
        quick=lambda looks: looks.rows.mean_share,
    ),
    for_models(
        "chi1",
        "gradient growth a layer",
        lambda s: s.mean_field.chi1,
        quick=lambda looks: looks.rows.chi1,
        scale="log",
    ),
    for_models(
        "correlation_slope",
        "slope of the correlation map at 0",
        lambda s: float(correlation_slope(s.rows)[0]),
        quick=lambda looks: correlation_slope(looks.rows),
    ),
    for_models(
        "correlation_point",
        "fixed point of the correlation map",
        _point_of,
        quick=_point_at_once,
    ),
)
"""The first three are those of :class:`evaluators.theory.meanfield.MeanField`; with a jump chi1 is infinite in theory
and here as large as the grid is fine."""
