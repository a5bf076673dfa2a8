"""What a campaign leaves: a folder with one SQLite file, fronts, statistics, plots and exports.

:mod:`runs.store` writes, one transaction an event; everything else reads. Nothing here knows how
candidates are proposed, and nothing read from a run folder is ever executed.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
