"""Registries: what a configuration may name, each name with what makes it and the options that this takes.

There is one registry for each kind of extension: :data:`search.strategies.catalogue.STRATEGIES`,
:data:`evaluators.training.executors.catalogue.EXECUTORS`, :data:`evaluators.tasks.catalogue.TASKS`,
:data:`evaluators.judging.objectives.OBJECTIVES`, :data:`evaluators.judging.features.catalogue.FEATURES`,
:data:`evaluators.judging.properties.catalogue.PROPERTIES`,
:data:`evaluators.instruments.network_features.NETWORK_FEATURES` and
:data:`primitives.export.dialects.DIALECTS`. An extension adds to them when it is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from primitives.errors import ActsearchError, UnknownName, unknown

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


def is_name(text: str) -> bool:
    """Tell whether something may be registered under a name: letters, digits, ``_``, ``.`` and ``-``."""
    return _NAME.fullmatch(text) is not None


class NoOptions:
    """What can be told to somebody who takes no options."""


@dataclass(frozen=True)
class Maker(Generic[T]):
    """An entry that is made anew for each campaign.

    Attributes:
        make: the factory; what it is called with is said by the registry that holds it.
        options: what it can be told; for a strategy or an executor a :class:`primitives.options.Options`.
        about: one line for a list.
    """

    make: Callable[..., T]
    options: type[Any] = NoOptions
    about: str = ""


def _derives(options: Any, base: type[Any]) -> bool:
    return isinstance(options, type) and issubclass(options, base)


def made(registry: Registry[Maker[T]], name: str, kind: Any, *arguments: Any) -> T:
    """Return what an entry makes.

    Raises:
        ActsearchError: there is none of that name, or it makes something else.
    """
    found = registry[name].make(*arguments)
    if not isinstance(found, kind):
        raise ActsearchError(f"the factory of {registry.kind} '{name}' returned {found!r}, which is no {kind.__name__}")
    return found


class Registry(Mapping[str, T]):
    """Entries of one kind by name, in the order in which they were registered."""

    def __init__(self, kind: str, entries: Mapping[str, T], of: type[Any], options: type[Any] = object) -> None:
        """Start with the entries of this package.

        Args:
            kind: what messages call an entry.
            entries: by name.
            of: the class of an entry.
            options: what the options of a :class:`Maker` must derive from.
        """
        self.kind, self._of, self._options = kind, of, options
        self._entries = dict(entries)
        self._ours = frozenset(entries)

    def register(self, name: str, entry: T) -> T:
        """Add an entry of your own and return it.

        Raises:
            ActsearchError: the entry is none of this kind, or the name is taken, is not the one that the entry has, or
                is not of letters, digits, ``_``, ``.`` and ``-``.
        """
        if not isinstance(name, str) or not is_name(name):
            raise ActsearchError(
                f"'{name}' cannot name a {self.kind}; begin with a letter, go on with letters, digits, _ . and -"
            )
        if name in self._entries:
            raise ActsearchError(f"{self.kind} '{name}' is already registered; choose another name")
        if not isinstance(entry, self._of):
            raise ActsearchError(f"{self.kind} '{name}' must be a {self._of.__name__}, not {entry!r}")
        if isinstance(entry, Maker) and not _derives(entry.options, self._options):
            raise ActsearchError(
                f"the options of {self.kind} '{name}' must be a class derived from {self._options.__name__}"
            )
        if (own := getattr(entry, "name", name)) != name:
            raise ActsearchError(f"{self.kind} '{name}' calls itself '{own}'; use one name for both")
        self._entries[name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Remove an entry of your own again.

        Raises:
            ActsearchError: there is none of that name, or it is not your own.
        """
        self[name]
        if self.is_ours(name):
            raise ActsearchError(f"{self.kind} '{name}' is part of actsearch and stays")
        del self._entries[name]

    def is_ours(self, name: str) -> bool:
        """Tell whether an entry is part of this package."""
        return name in self._ours

    def __getitem__(self, name: str) -> T:
        """Return an entry.

        Raises:
            ActsearchError: there is none of that name; the message suggests the nearest.
        """
        if name not in self._entries:
            raise UnknownName(unknown(self.kind, name, self._entries))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
