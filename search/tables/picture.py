"""What games say, as a picture: who met one of the best after how many trainings, and the regret."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from primitives import ActsearchError
from runs.files import write_whole
from search.tables.games import Outcome

KINDS = (".png", ".svg", ".pdf")


def plot_games(outcomes: Mapping[str, Outcome], trainings: int, file: Path, title: str) -> None:
    """Draw strategies side by side.

    Args:
        outcomes: by the strategy's label.
        trainings: of a game at most.
        file: whose ending says the kind.
        title: of the picture.

    Raises:
        ActsearchError: there is no picture of that kind, or it cannot be written.
    """
    if file.suffix not in KINDS:
        raise ActsearchError(f"a picture ends in {', '.join(KINDS)}, and '{file}' does not")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (met, regret) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for label, outcome in outcomes.items():
        reached = np.sort(outcome.first_percent)
        share = np.arange(1, len(reached) + 1) / len(reached)
        inside = np.isfinite(reached)
        met.step([0, *reached[inside], trainings], [0, *share[inside], inside.mean()], where="post", label=label)
        after = list(outcome.regret)
        middle = [float(np.median(outcome.regret[count])) for count in after]
        low, high = ([float(np.quantile(outcome.regret[count], q)) for count in after] for q in (0.25, 0.75))
        (line,) = regret.plot(after, middle, marker="o", label=label)
        regret.fill_between(after, low, high, alpha=0.2, color=line.get_color())
    met.set(xlabel="trainings", ylabel="share of games that met a top-1 % function", xlim=(0, trainings), ylim=(0, 1))
    regret.set(xlabel="trainings", ylabel="regret: median and quartiles")
    met.legend()
    figure.suptitle(title)
    content = io.BytesIO()
    figure.savefig(content, format=file.suffix[1:])
    pyplot.close(figure)
    try:
        write_whole(file, content.getvalue())
    except OSError as error:
        raise ActsearchError(f"cannot write the picture '{file}': {error.strerror}; choose a writable place") from error
