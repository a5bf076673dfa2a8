"""A configuration as TOML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tomli_w
from pydantic import BaseModel

from search.configuration.config import CampaignConfig
from search.configuration.reading import CHOICES


def to_toml(config: CampaignConfig) -> str:
    """Return the resolved configuration as TOML, which :func:`search.configuration.reading.from_toml` reads back."""
    return tomli_w.dumps(config.model_dump(exclude_none=True, mode="json"))


def defaults_toml() -> str:
    """Return a TOML with every key at its default and a comment saying what it does."""
    lines = ["# actsearch campaign configuration: every key, its default, and what it does."]
    lines += _commented(CampaignConfig)
    for name, field in CampaignConfig.model_fields.items():
        if isinstance(field.default, BaseModel):
            section = type(field.default)
            lines += ["", f"# {section.__doc__}", f"[{name}]", *_commented(section), *_others(name, section)]
    return "\n".join(lines) + "\n"


def _others(section: str, default: type[BaseModel]) -> Iterator[str]:
    """Yield comments on what else a section may name, and the keys that this has."""
    if section not in CHOICES:
        return
    key, registry = CHOICES[section]
    for name, entry in registry.items():
        if entry.options is not default:
            keys = [other for other in entry.options.model_fields if other != key]
            yield f'# {key} = "{name}": {entry.about or entry.options.__doc__}; its keys: {", ".join(keys)}'


def _commented(model: type[BaseModel]) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        if not isinstance(field.default, BaseModel):
            lines += [f"# {field.description}", f"# {name} =" if field.default is None else _line(name, field.default)]
    return lines


def _line(key: str, value: Any) -> str:
    """Return a key with its value as one line of TOML, a dictionary as an inline table."""
    if isinstance(value, dict):
        return f"{key} = {{{', '.join(_line(*item) for item in value.items())}}}"
    text = " ".join(tomli_w.dumps({key: list(value) if isinstance(value, tuple) else value}).split())
    return text.replace(", ]", "]").replace("[ ", "[")
