"""A campaign's configuration in layers: preset, file, command-line options, later ones winning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.configuration.config import CampaignConfig
from search.configuration.reading import (
    chosen_in,
    effective,
    load_preset,
    merge_chosen,
    parsed,
    text_of,
    validated,
)

Raw = dict[str, Any]

_OF_ITS_TASK = {"fidelity": ("steps",), "confirm": ("steps", "tasks")}
"""What a preset says for its own task alone."""


@dataclass(frozen=True)
class Layers:
    """What was asked for, and where.

    Attributes:
        preset: its name, and
        defaults: what it says; of another task than its own only what does not depend on that.
        file: the campaign file, and
        own: what it says.
        options: of the command line, or of a program.
        spoken: what a key of the options is called where it is told which layer something is from.
    """

    preset: str | None
    defaults: Raw
    file: Path | None
    own: Raw
    options: Raw
    spoken: str = "--{key}"

    @property
    def raw(self) -> Raw:
        """All of it, unchecked."""
        return merge_chosen(self.defaults, merge_chosen(self.own, self.options))

    def config(self) -> CampaignConfig:
        """Return the checked configuration. A key of the preset that has no effect gives way, one of the user's not.

        Raises:
            ActsearchError: a key or value is wrong or has no effect; the message names it and the layer.
        """
        if self.file:  # by itself first: merging must not hide a value of the wrong kind
            validated(merge_chosen(self.own, chosen_in(self.raw)), str(self.file))
        return self.refuse_idle(validated(self.raw, self._source))

    def refuse_idle(self, config: CampaignConfig) -> CampaignConfig:
        """Return a configuration made of these layers, unless a key of file or options has no effect in it.

        Raises:
            ActsearchError: that is so.
        """
        return effective(config, merge_chosen(self.own, self.options), self._source)

    @property
    def _source(self) -> str:
        source = str(self.file) if self.file else f"preset {self.preset}" if self.preset else "defaults"
        return f"{source} and options" if self.options else source

    def said_by(self, section: str, key: str) -> str | None:
        """Return which layer a key's value is from, ``None`` when no layer has it."""
        layers = (
            (self.spoken.format(key=key), self.options),
            (str(self.file), self.own),
            (f"preset {self.preset}", self.defaults),
        )
        return next((name for name, layer in layers if key in layer.get(section, {})), None)

    @property
    def beside(self) -> tuple[Path, ...]:
        """The folders in which files that the campaign file names may lie, beside the current one."""
        return (self.file.resolve().parent,) if self.file else ()


def layers(file: Path | None, preset: str | None, options: Raw) -> Layers:
    """Read the layers of a configuration.

    Steps and confirmation tasks of a preset are meant for its own task: another one, named by file or options,
    has those of its recipe and itself, unless they say otherwise.

    Raises:
        ActsearchError: preset or file is not there or does not parse.
    """
    defaults = load_preset(preset) if preset else {}
    own = parsed(text_of(file), str(file)) if file else {}
    task = options.get("task", own.get("task", defaults.get("task")))
    if task != defaults.get("task"):
        defaults = {section: _for_another_task(section, value) for section, value in defaults.items()}
    return Layers(preset, defaults, file, own, options)


def _for_another_task(section: str, value: Any) -> Any:
    dropped = _OF_ITS_TASK.get(section, ())
    return {key: kept for key, kept in value.items() if key not in dropped} if dropped else value
