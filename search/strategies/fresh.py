"""Trees that were not proposed before: told ones and those of the same batch are not proposed again."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from search.space.algebra import Algebra
from search.space.leaves import Tree
from search.strategies.proposal import Proposal

_TRIES = 8


class Fresh:
    """Draws proposals until one is written like none before; terms and factors may stand in any order."""

    def __init__(self, algebra: Algebra) -> None:
        self._algebra = algebra
        self._told: set[Hashable] = set()

    def tell(self, tree: Tree) -> None:
        """Take in a tree that was trained."""
        self._told.add(self._algebra.key(tree))

    def batch(self, count: int, draw: Callable[[], Proposal]) -> list[Proposal]:
        """Return that many proposals; where new ones are hard to find, some may come again."""
        batch: list[Proposal] = []
        keys: set[Hashable] = set()
        for _ in range(count):
            for _ in range(_TRIES):
                proposal = draw()
                key = self._algebra.key(proposal.tree)
                if key not in keys and key not in self._told:
                    break
            keys.add(key)
            batch.append(proposal)
        return batch
