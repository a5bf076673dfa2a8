"""A configuration from a TOML: what is wrong is told with its key."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, Union

from pydantic import BaseModel, Discriminator, Tag, ValidationError, create_model

from evaluators.training.executors.catalogue import EXECUTORS
from primitives.errors import ActsearchError, nearest, unknown
from primitives.options import Options
from primitives.registries import Registry
from search.configuration.config import CampaignConfig
from search.configuration.contradictions import contradiction
from search.configuration.effects import without_effect
from search.strategies.catalogue import STRATEGIES

PRESETS = ("quick", "standard", "smoke")

CHOICES: Mapping[str, tuple[str, Registry[Any]]] = {
    "strategy": ("name", STRATEGIES),
    "execution": ("executor", EXECUTORS),
}
"""Sections whose keys depend on what one of them names: that key, and the registry it names an entry of."""


def from_toml(text: str, source: str, *, stored: bool = False) -> CampaignConfig:
    """Read a configuration.

    Args:
        text: TOML.
        source: what to call it in an error.
        stored: whether it is that of a run: then a key without effect is no error, since it was accepted once.

    Raises:
        ActsearchError: it does not parse, or a key or value is wrong, has no effect or contradicts another; the message
            names it.
    """
    return from_dict(parsed(text, source), source, stored=stored)


def parsed(text: str, source: str) -> dict[str, Any]:
    """Return TOML as nested dictionaries, unchecked.

    Raises:
        ActsearchError: it does not parse.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ActsearchError(f"'{source}' is not valid TOML: {error}") from None


def from_dict(raw: dict[str, Any], source: str, *, stored: bool = False) -> CampaignConfig:
    """Check a configuration given as nested dictionaries; arguments and errors as in :func:`from_toml`."""
    if stored:
        return validated(_own_keys(raw), source)
    return effective(validated(raw, source), raw, source)


def effective(config: CampaignConfig, given: dict[str, Any], source: str) -> CampaignConfig:
    """Return the configuration; wishes that contradict each other and keys that were given without effect are refused.

    Raises:
        ActsearchError: there are such; the message names them.
    """
    if (reason := contradiction(config) or without_effect(config, given)) is not None:
        raise ActsearchError(f"'{source}': {reason}")
    return config


def validated(raw: dict[str, Any], source: str) -> CampaignConfig:
    """Check keys and values, whether they have an effect or not; errors as in :func:`from_toml`."""
    own = _own_keys(raw, defaults_only=True)
    named = {section: _named(section, value) for section, value in own.items()}
    try:
        found = _model(_entries()).model_validate(named)
    except ValidationError as error:
        raise ActsearchError(f"'{source}': {_sentence(error)}") from None
    return CampaignConfig(**{name: getattr(found, name) for name in CampaignConfig.model_fields})


def _own_keys(raw: dict[str, Any], defaults_only: bool = False) -> dict[str, Any]:
    """Return a configuration without the keys of another strategy or executor; or those alone that say its defaults."""
    return raw | {section: _kept(section, raw[section], defaults_only) for section in CHOICES if section in raw}


def _kept(section: str, value: Any, defaults_only: bool) -> Any:
    key, registry = CHOICES[section]
    named = value.get(key, default_choice(section)) if isinstance(value, dict) else None
    if not isinstance(named, str) or named not in registry:
        return value
    own = registry[named].options.model_fields
    return {
        name: one
        for name, one in value.items()
        if name in own or not any(_is_said(entry.options, name, one, defaults_only) for entry in registry.values())
    }


def _is_said(options: type[Options], name: str, value: Any, default_only: bool) -> bool:
    """Tell whether a key is one of some options, and at its default if that is asked for."""
    field = options.model_fields.get(name)
    return field is not None and (not default_only or bool(field.default == value))


def default_choice(section: str) -> str:
    """Return what a section names where it says nothing."""
    key, _ = CHOICES[section]
    return str(getattr(CampaignConfig.model_fields[section].default, key))


def _named(section: str, value: Any) -> Any:
    """Return a section's value that says what it names."""
    if section not in CHOICES or not isinstance(value, dict):
        return value
    return {CHOICES[section][0]: default_choice(section), **value}


Entries: TypeAlias = tuple[tuple[str, tuple[tuple[str, type[Options]], ...]], ...]


def _entries() -> Entries:
    """Return the sections with what each may name.

    Raises:
        ActsearchError: an entry of somebody's own has options that do not name it.
    """
    for key, registry in CHOICES.values():
        for name, entry in registry.items():
            field = entry.options.model_fields.get(key)
            if field is None or field.default != name or field.annotation != Literal[name]:
                raise ActsearchError(
                    f"the options of {registry.kind} '{name}' must have the field {key}: Literal['{name}'] = '{name}'"
                )
    return tuple(
        (section, tuple((name, entry.options) for name, entry in registry.items()))
        for section, (_, registry) in CHOICES.items()
    )


@cache
def _model(entries: Entries) -> type[CampaignConfig]:
    """Return the configuration as it is now: its sections are discriminated unions of what is registered."""
    fields: dict[str, Any] = {}
    for section, models in entries:
        kind: Any = Union[tuple(Annotated[options, Tag(name)] for name, options in models)]  # noqa: UP007  (known late)
        default = CampaignConfig.model_fields[section].default
        fields[section] = (Annotated[kind, Discriminator(_naming(CHOICES[section][0]))], default)
    return create_model("CampaignConfig", __base__=CampaignConfig, **fields)


def _naming(key: str) -> Callable[[Any], Any]:
    """Return what tells which member of a union a value means."""

    def named(value: Any) -> Any:
        return value.get(key) if isinstance(value, dict) else getattr(value, key, None)

    return named


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = _path(first["loc"])
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return _unknown_key(path)
    if first["type"] == "union_tag_invalid":
        named, registry = CHOICES[path[-1]]
        return f"key '{key}.{named}': {unknown(registry.kind, str(first['input'][named]), registry)}"
    shown = repr(first["input"])
    if first["type"] == "union_tag_not_found":
        return f"key '{key}' cannot be {shown}: it is a section of keys, as in [{key}]"
    if first["type"] == "tuple_type":
        return f"key '{key}' cannot be {shown}: it takes a list, as in {path[-1]} = [{json.dumps(str(first['input']))}]"
    reason = first["msg"].removeprefix("Value error, ")
    return f"key '{key}' cannot be {shown if len(shown) < 60 else shown[:57] + '…'}: {reason[:1].lower()}{reason[1:]}"


def _path(place: tuple[int | str, ...]) -> list[str]:
    """Return the keys down to a place; pydantic puts the member of a union among them."""
    keys = [str(part) for part in place]
    return [keys[0], *keys[2:]] if keys and keys[0] in CHOICES and len(keys) > 2 else keys


def _unknown_key(path: list[str]) -> str:
    """Return the sentence for a key that is not there, or is that of another strategy or executor."""
    key, section = ".".join(path), path[0]
    if section not in CHOICES or len(path) != 2:
        return f"unknown key '{key}'{nearest(path[-1], _fields(path[:-1]))}"
    named, registry = CHOICES[section]
    owners = [name for name, entry in registry.items() if path[1] in entry.options.model_fields]
    if not owners:
        fields = {field for entry in registry.values() for field in entry.options.model_fields}
        return f"unknown key '{key}'{nearest(path[1], sorted(fields))}"
    remedy = f'set {section}.{named} = "{owners[0]}"'
    return f"key '{key}' belongs to {registry.kind} {' and '.join(map(repr, owners))}; leave it out or {remedy}"


def _fields(path: list[str]) -> list[str]:
    model: type[BaseModel] = CampaignConfig
    for part in path:
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


def read(path: Path) -> CampaignConfig:
    """Read a configuration file; errors as in :func:`from_toml`, or the file cannot be read."""
    return from_toml(text_of(path), str(path))


def text_of(path: Path) -> str:
    """Return the text of a configuration file.

    Raises:
        ActsearchError: it cannot be read; the message suggests the nearest file.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        near = [str(p) for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ActsearchError(f"cannot read config '{path}' ({reason}){nearest(str(path), near)}") from None


def load_preset(name: str) -> dict[str, Any]:
    """Return a preset as nested dictionaries.

    Raises:
        ActsearchError: there is none of that name.
    """
    if name not in PRESETS:
        raise ActsearchError(unknown("preset", name, PRESETS))
    text = resources.files("search").joinpath(f"presets/{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the values of ``over`` put over it, section by section."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def merge_chosen(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return :func:`merge` of both, less what ``base`` says of another strategy or executor than ``over`` names."""
    return merge({section: _fitting(section, value, over.get(section)) for section, value in base.items()}, over)


def chosen_in(raw: dict[str, Any]) -> dict[str, Any]:
    """Return what the sections of a configuration name, and nothing else of them."""
    found: dict[str, Any] = {}
    for section, (key, _) in CHOICES.items():
        said = raw.get(section)
        if isinstance(said, dict) and key in said:
            found[section] = {key: said[key]}
    return found


def _fitting(section: str, value: Any, said: Any) -> Any:
    if section not in CHOICES or not isinstance(said, dict) or not isinstance(value, dict):
        return value
    key, registry = CHOICES[section]
    before = value.get(key, default_choice(section))
    named = said.get(key, before)
    if named == before or not isinstance(named, str) or named not in registry:
        return value
    fields = registry[named].options.model_fields
    return {name: kept for name, kept in value.items() if name in fields and name != key}
