"""A rival, where it is installed: pyoperon's symbolic regression, which fits constants itself."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np

from primitives.numeric import Array
from search.studies.recovery.fitting import LOWEST
from search.studies.recovery.game import Game, Rules
from search.studies.recovery.targets import FRESH, SAMPLE, Target, grammar, sampled

NAME = "pyoperon"
SYMBOLS = (
    "add", "sub", "mul", "aq", "fmin", "fmax", "abs", "square", "tanh", "sin", "cos", "atan", "exp", "log",
    "constant", "variable",
)  # fmt: skip
"""What it shares with the open grammar. It has no sigmoid, softplus, gaussian or erf, and says the first three with
these; of the seven it cannot say GELU."""
EQUAL = 1e-5
"""As :data:`search.studies.recovery.fitting.EQUAL`; ten times that, since it computes in float32."""
POPULATION = 100
_ITERATIONS = 10
"""Steps of Levenberg and Marquardt for each candidate; they are not counted, as those of the others are not."""


def is_installed() -> bool:
    """Tell whether it can play."""
    return find_spec(NAME) is not None


def play(target: Target, seed: int, rules: Rules) -> Game:
    """Play one game. It does not stop at the target, so that the evaluations are always all.

    Found is what any member of its last population is, with the best scale and shift of the output.
    """
    model = _model(target, seed, rules)
    values = sampled(target.name, SAMPLE)
    model.fit(SAMPLE[:, None], values)
    found = [(*_judged(model, each.Genotype, target, values), each.Genotype) for each in model.individuals_]
    error, deviation, tree = min(found, key=lambda each: (each[1] >= EQUAL, each[0]))
    return Game(rules.evaluations, deviation < EQUAL, error, str(model.get_model_string(tree, 6)))


def _model(target: Target, seed: int, rules: Rules) -> Any:
    from pyoperon.sklearn import SymbolicRegressor

    config = grammar(target).config
    return SymbolicRegressor(
        allowed_symbols=",".join(SYMBOLS),
        objectives=["mse"],
        optimizer_iterations=_ITERATIONS,
        population_size=POPULATION,
        generations=max(1, rules.evaluations // POPULATION - 1),
        max_evaluations=1_000 * rules.evaluations,
        max_length=config.max_complexity,
        max_depth=config.max_depth,
        epsilon=0.0,
        n_threads=1,
        random_state=seed,
    )


def _judged(model: Any, tree: Any, target: Target, values: Array) -> tuple[float, float]:
    """Return error and deviation, see :class:`search.studies.recovery.fitting.Fit`."""
    with np.errstate(all="ignore"):
        said, fresh = (np.asarray(model.evaluate_model(tree, at[:, None]), float) for at in (SAMPLE, FRESH))
        scale, shift = np.polyfit(said, values, 1) if np.isfinite(said).all() and np.ptp(said) else (0.0, values.mean())
        share = float(((scale * said + shift - values) ** 2).mean() / values.var())
        wanted = sampled(target.name, FRESH)
        deviation = float(np.sqrt(((scale * fresh + shift - wanted) ** 2).mean()) / wanted.std())
    error = max(LOWEST, min(0.0, float(np.log10(max(share, 1e-300)))))
    return error, deviation if np.isfinite(deviation) else np.inf
