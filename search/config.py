"""A campaign's configuration: TOML in, frozen and checked values out, every key explained."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from primitives.errors import ActsearchError, nearest, unknown

PRESETS = ("quick", "standard", "smoke")

DEFAULT_PRIMITIVES = (
    "add", "sub", "mul", "aq", "max", "min",
    "neg", "abs", "square", "relu", "elu", "silu", "gelu", "tanh", "sigmoid", "softplus", "softsign",
    "gaussian", "sin", "cos", "atan", "asinh", "erf",
)  # fmt: skip


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        field = cls.model_fields[info.field_name or ""]
        if isinstance(value, bool) and field.annotation is not bool:
            raise ValueError("true and false are no value for this key")
        return value


class Grammar(_Section):
    """What expressions are built from."""

    primitives: tuple[str, ...] = Field(DEFAULT_PRIMITIVES, description="names from 'actsearch primitives'")
    constants: tuple[float, ...] = Field((-1.0, -0.5, 0.1, 0.5, 1.0, 2.0), description="fixed numbers to draw from")
    learnable: tuple[float, ...] = Field((0.01, 0.25, 1.0), description="initial values of learnable parameters")
    max_parameters: int = Field(2, ge=0, le=8, description="learnable parameters an expression may have")
    max_depth: int = Field(6, ge=1, le=15, description="depth of a tree")
    max_complexity: int = Field(20, ge=2, le=200, description="nodes of a formula")

    @field_validator("constants", "learnable")
    @classmethod
    def _moderate(cls, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(number) > 1e6 for number in numbers):
            raise ValueError("numbers beyond 1e6 are not allowed")
        return numbers

    @field_validator("primitives")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from primitives.table import all_primitives

        table = {primitive.name: primitive for primitive in all_primitives()}
        for name in names:
            if name not in table:
                raise ValueError(unknown("primitive", name, table))
        arities = {table[name].arity for name in names}
        if arities != {1, 2}:
            raise ValueError("a grammar needs at least one unary and one binary primitive")
        return names


class Fidelity(_Section):
    """How candidates are trained during the search."""

    steps: int = Field(500, ge=1, le=10_000_000, description="optimiser steps")
    seeds: int = Field(2, ge=1, le=1000, description="trainings of each candidate, seeds 0, 1, …")
    timeout: float = Field(600.0, gt=0, description="seconds for one candidate")


class Budget(_Section):
    """When the search ends: at the first limit that is reached."""

    trainings: int = Field(100, ge=1, description="candidates trained, baselines not counted")
    minutes: float | None = Field(None, gt=0, description="wall-clock limit, checked between trainings")


class StrategyConfig(_Section):
    """How candidates are proposed."""

    name: str = Field("nsga2", description="nsga2, or random as a control")
    population: int = Field(32, ge=4, le=10_000, description="individuals kept by nsga2")
    crossover: float = Field(0.4, ge=0, le=1, description="share of children made by crossover")
    novelty: float = Field(0.02, ge=0, le=1, description="least distance to any trained function; 0 allows all")
    newcomers: float = Field(0.1, ge=0, le=1, description="share of children that are random trees")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in ("nsga2", "random"):
            raise ValueError(unknown("strategy", name, ("nsga2", "random")))
        return name


class Prior(_Section):
    """How the entropy prior picks which proposals are trained."""

    pool: int = Field(4, ge=1, le=1000, description="screened proposals a training slot; 1 switches the prior off")
    initial_weight: float = Field(0.2, ge=-1, le=1, description="assumed rank correlation with error before evidence")
    evidence: int = Field(12, ge=4, description="trainings before the measured correlation takes over")


class Confirm(_Section):
    """What happens after the search."""

    automatic: bool = Field(True, description="confirm and export when the search ends")
    top: int = Field(3, ge=1, le=100, description="finalists")
    seeds: int = Field(5, ge=2, le=1000, description="fresh seeds")
    tasks: tuple[str, ...] = Field((), description="tasks; empty means the search task")
    steps: int | None = Field(None, ge=1, description="optimiser steps; each task's own recipe when left out")


class Execution(_Section):
    """Where trainings run."""

    executor: Literal["ray", "serial"] = Field("ray", description="ray, or serial for one process")
    workers: int | None = Field(None, ge=1, le=100_000, description="Ray actors; all CPUs when left out")
    address: str | None = Field(None, description="of a running Ray cluster")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where networks live")

    @model_validator(mode="after")
    def _options_of_ray(self) -> Execution:
        if self.executor == "serial" and (self.workers is not None or self.address is not None):
            raise ValueError("workers and address belong to executor 'ray'; leave them out with 'serial'")
        return self


class CampaignConfig(_Section):
    """One search, completely described."""

    name: str = Field("campaign", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="for the run folder")
    task: str = Field("mnist1d-mlp", description="from 'actsearch tasks', or 'file.py:Class'")
    seed: int = Field(0, ge=0, lt=2**32, description="everything random follows from it")
    baselines: tuple[str, ...] = Field((), description="extra library names or formulas beside the eight built in")
    seeds: tuple[str, ...] = Field((), description="formulas or library names the search starts from")
    grammar: Grammar = Grammar()
    fidelity: Fidelity = Fidelity()
    budget: Budget = Budget()
    strategy: StrategyConfig = StrategyConfig()
    prior: Prior = Prior()
    confirm: Confirm = Confirm()
    execution: Execution = Execution()

    @property
    def confirm_tasks(self) -> tuple[str, ...]:
        """The tasks that confirmation trains on."""
        return self.confirm.tasks or (self.task,)


def from_toml(text: str, source: str) -> CampaignConfig:
    """Read a configuration.

    Args:
        text: TOML.
        source: what to call it in an error.

    Raises:
        ActsearchError: it does not parse, or a key or value is wrong; the message names the key.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ActsearchError(f"'{source}' is not valid TOML: {error}") from None
    return from_dict(raw, source)


def from_dict(raw: dict[str, Any], source: str) -> CampaignConfig:
    """Check a configuration given as nested dictionaries; errors as in :func:`from_toml`."""
    try:
        return CampaignConfig.model_validate(raw)
    except ValidationError as error:
        raise ActsearchError(f"'{source}': {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return f"unknown key '{key}'{nearest(path[-1], _fields(path[:-1]))}"
    reason = first["msg"].removeprefix("Value error, ")
    shown = repr(first["input"])
    return f"key '{key}' cannot be {shown if len(shown) < 60 else shown[:57] + '…'}: {reason[:1].lower()}{reason[1:]}"


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
    return from_toml(_text(path), str(path))


def _text(path: Path) -> str:
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


def resolve_config(path: Path | None, preset: str | None, overrides: dict[str, Any]) -> CampaignConfig:
    """Layer preset, file and command-line options, later ones winning, and check the result."""
    raw: dict[str, Any] = load_preset(preset) if preset else {}
    source = f"preset {preset}" if preset else "defaults"
    if path is not None:
        source = str(path)
        try:
            own = tomllib.loads(_text(path))
        except tomllib.TOMLDecodeError as error:
            raise ActsearchError(f"'{path}' is not valid TOML: {error}") from None
        from_dict(own, source)  # by itself first: merging must not hide a value of the wrong kind
        raw = merge(raw, own)
    return from_dict(merge(raw, overrides), source if not overrides else f"{source} and options")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with the values of ``over`` put over it, section by section."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def to_toml(config: CampaignConfig) -> str:
    """Return the resolved configuration as TOML that :func:`from_toml` reads back to an equal one."""
    return tomli_w.dumps(config.model_dump(exclude_none=True, mode="json"))


def defaults_toml() -> str:
    """Return a TOML with every key at its default and a comment saying what it does."""
    lines = ["# actsearch campaign configuration: every key, its default, and what it does."]
    lines += _commented(CampaignConfig)
    for name, field in CampaignConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            lines += ["", f"# {section.__doc__}", f"[{name}]", *_commented(section)]
    return "\n".join(lines) + "\n"


def _commented(model: type[BaseModel]) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            continue
        value = list(field.default) if isinstance(field.default, tuple) else field.default
        text = f"# {name} =" if value is None else " ".join(tomli_w.dumps({name: value}).split())
        lines += [f"# {field.description}", text.replace(", ]", "]").replace("[ ", "[")]
    return lines
