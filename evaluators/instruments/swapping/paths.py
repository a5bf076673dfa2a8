"""Where a module stands in a network, and names that are free in it."""

from __future__ import annotations

import inspect

from torch import nn


def join(name: str, key: str) -> str:
    """Return the qualified name of what a module holds."""
    return f"{name}.{key}" if name else key


def path(network: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    """Return the modules from a network down to one in it, each with its name in the one before."""
    found = [("", network)]
    for part in name.split(".") if name else []:
        child = found[-1][1]._modules[part]
        assert child is not None
        found.append((part, child))
    return found


def around(network: nn.Module, name: str) -> list[nn.Module]:
    """Return the modules from a network down to one in it."""
    return [module for _, module in path(network, name)]


class FreeNames:
    """Names for something new in a module, each free there and given once."""

    def __init__(self, owner: nn.Module) -> None:
        self._owner, self._number = owner, 0

    def next(self, kind: str = "activation") -> str:
        """Return the next one."""
        while True:
            self._number += 1
            name = f"{kind}_{self._number}"
            if self._is_free(name):
                return name

    def _is_free(self, name: str) -> bool:
        """Tell whether the module has no attribute of a name, without asking its ``__getattr__``."""
        held = (vars(self._owner), self._owner._modules, self._owner._parameters, self._owner._buffers)
        return not any(name in one for one in held) and inspect.getattr_static(type(self._owner), name, None) is None
