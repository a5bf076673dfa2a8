"""What an expression is worth: screen, prior, cost, tasks, training, and where training runs.

Cheap things first: :func:`assess` judges an expression without training; a :class:`Job` trains it
on a :class:`Task` through an :class:`Executor` and comes back as :class:`Evaluation` values.
Nothing here knows where results are kept or how candidates are proposed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
