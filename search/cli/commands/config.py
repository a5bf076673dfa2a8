"""``config``: a configuration file to start from."""

from __future__ import annotations

from typing import Annotated

import typer

from primitives.errors import ActsearchError
from search.configuration.reading import from_dict, load_preset
from search.configuration.writing import defaults_toml, to_toml


def config(
    defaults: Annotated[bool, typer.Option("--defaults", help="Every key with its default and a comment.")] = False,
    preset: Annotated[str | None, typer.Option(help="The resolved configuration of a preset.")] = None,
) -> None:
    """Print a configuration file to start from."""
    if defaults == (preset is not None):
        raise ActsearchError("say which: 'actsearch config --defaults' or 'actsearch config --preset quick'")
    if preset is not None:
        print(to_toml(from_dict(load_preset(preset), f"preset {preset}")), end="")
        return
    print(defaults_toml(), end="")
