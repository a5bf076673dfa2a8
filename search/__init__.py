"""Which expression next: configuration, grammar, strategies, the campaign loop, the command line.

A :class:`Strategy` proposes trees, the :class:`search.campaign.funnel.Funnel` judges them, and a
:class:`search.campaign.loop.Search` trains what passes and records everything in a run file. A :class:`Campaign` is
all of it, from a configuration to confirmed evidence.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
