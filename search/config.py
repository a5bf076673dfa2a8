"""A campaign's configuration: TOML in, frozen and checked values out, every key explained."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

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
    "add", "sub", "mul", "aq", "max", "min", "scale",
    "neg", "abs", "square", "relu", "elu", "silu", "gelu", "tanh", "sigmoid", "softplus", "softsign",
    "gaussian", "sin", "cos", "atan", "asinh", "erf",
)  # fmt: skip

# What a formula spells with + - * / **: Grammar.complexity knows each by its spelling.
_SPELLED = ("add", "sub", "mul", "div", "neg", "inverse", "square", "cube", "sqrt", "pow", "power", "scale")
_MAX_EXPONENT = 16

# Strict, because an unstrict integer may be true or 1.0.
_Limit = Annotated[int, Field(strict=True, ge=0)]
_Weight = Annotated[int, Field(strict=True, ge=1, le=200)]


def limited(key: str, names: Iterable[str]) -> frozenset[str]:
    """Return which of these primitives a key of ``max_nesting`` limits: itself, or a family by growth."""
    from primitives.table import get

    return frozenset(name for name in names if name == key or (key == "exponential" == get(name).growth))


def _places(names: Iterable[str]) -> list[tuple[str, ...]]:
    from primitives.table import get

    return [get(name).types for name in names]


def _joins(names: Iterable[str]) -> bool:
    """Tell whether something takes one expression and something joins two; multipliers and exponents join nothing."""
    return {1, 2} <= {sum(place == "real" for place in places) for places in _places(names)}


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
    learnable: tuple[float, ...] = Field(
        (0.01, 0.25, 1.0), description="initial values of learnable parameters: free constants, and multipliers"
    )
    exponents: tuple[float, ...] = Field(
        (-1.0, 0.5, 1.5, 2.0, 3.0), description="what the primitive 'power' raises to; neither 0 nor 1, at most 16"
    )
    max_parameters: int = Field(2, ge=0, le=8, description="learnable parameters an expression may have")
    max_depth: int = Field(6, ge=1, le=15, description="depth of a tree")
    max_nesting: dict[str, _Limit] = Field(
        {"exponential": 1},
        description="how many of a primitive, or of all that grow exponentially, one path may hold; 0 forbids",
    )
    max_complexity: int = Field(20, ge=2, le=200, description="nodes of a formula")
    weights: dict[str, _Weight] = Field(
        {},
        description="what a use of a primitive counts under max_complexity, if not its own weight",
    )

    @field_validator("constants", "learnable")
    @classmethod
    def _moderate(cls, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if any(abs(number) > 1e6 for number in numbers):
            raise ValueError("numbers beyond 1e6 are not allowed")
        return numbers

    @field_validator("exponents")
    @classmethod
    def _powers(cls, numbers: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
        if not numbers and any("exponent" in places for places in _places(info.data.get("primitives", ()))):
            raise ValueError("the primitive 'power' needs one at least")
        if any(number in (0, 1) or abs(number) > _MAX_EXPONENT for number in numbers):
            raise ValueError(f"an exponent is neither 0 nor 1 and at most {_MAX_EXPONENT} in size")
        return numbers

    @field_validator("primitives")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from primitives.table import all_primitives

        table = [primitive.name for primitive in all_primitives()]
        for name in names:
            if name not in table:
                raise ValueError(unknown("primitive", name, table))
        if not _joins(names):
            raise ValueError("a grammar needs at least one unary and one binary primitive")
        return names

    @field_validator("max_nesting")
    @classmethod
    def _limits_something(cls, limits: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        known = ("exponential", *info.data.get("primitives", limits))
        for key in limits:
            if key not in known:
                raise ValueError(unknown("primitive of this grammar", key, known))
        names = info.data.get("primitives", DEFAULT_PRIMITIVES)
        never = {name for key, most in limits.items() if not most for name in limited(key, names)}
        if not _joins(name for name in names if name not in never):
            raise ValueError("it leaves the grammar without a unary or without a binary primitive")
        return limits

    @field_validator("weights")
    @classmethod
    def _weighs_something(cls, weights: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        from primitives.table import all_primitives

        own = info.data.get("primitives", weights)
        shown = [p.name for p in all_primitives() if p.function is not None or (p.name in _SPELLED and p.name in own)]
        for name in weights:
            if name not in shown:
                raise ValueError(unknown("primitive of a formula", name, shown))
        return weights


class Fidelity(_Section):
    """How candidates are trained during the search."""

    steps: int | None = Field(
        None, ge=1, le=10_000_000, description="optimiser steps; those of the task's recipe when left out"
    )
    seeds: int = Field(2, ge=1, le=1000, description="trainings of each candidate, seeds 0, 1, …")
    rungs: tuple[float, ...] = Field(
        (0.25, 0.5), description="shares of the steps after which losers stop; [] for none"
    )
    keep: float = Field(0.5, gt=0, lt=1, description="share that goes on at a rung, of all ever seen there")
    timeout: float = Field(600.0, gt=0, description="seconds a candidate adds to what its cohort may take")

    @field_validator("rungs")
    @classmethod
    def _rise(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted({*shares}) or any(not 0 < share < 1 for share in shares):
            raise ValueError("rungs are shares of the steps that rise between 0 and 1")
        return shares

    @property
    def rung_steps(self) -> tuple[int, ...]:
        """The steps after which losers stop; shares of few steps may fall together."""
        steps = {round(share * self.whole) for share in self.rungs}
        return tuple(sorted(step for step in steps if 0 < step < self.whole))

    @property
    def whole(self) -> int:
        """The steps of a whole training.

        Raises:
            ValueError: they are still those of a recipe that nobody has looked at.
        """
        if self.steps is None:
            raise ValueError("fidelity.steps is not settled: put the steps of the task's recipe there")
        return self.steps


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
    eafo: float = Field(0.1, ge=0, le=1, description="share of children that are a parent plus its EAFO correction")

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
    timeout: float = Field(3600.0, gt=0, description="seconds that two seeds of a finalist add to their limit")
    measure: bool = Field(True, description="measure the finalists' time and memory here, about 7 s each")


class Execution(_Section):
    """Where trainings run."""

    executor: Literal["ray", "serial"] = Field("ray", description="ray, or serial for one process")
    workers: int | None = Field(None, ge=1, le=100_000, description="Ray actors; all CPUs when left out")
    cohort: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="candidates trained as one network; when left out, what fits and the population allows",
    )
    address: str | None = Field(None, description="of a running Ray cluster")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where networks live")

    @model_validator(mode="after")
    def _options_of_ray(self) -> Execution:
        if self.executor == "serial" and (self.workers is not None or self.address is not None):
            raise ValueError("workers and address belong to executor 'ray'; leave them out with 'serial'")
        return self


class CampaignConfig(_Section):
    """One search, completely described."""

    name: str = Field("campaign", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="for the run folder")
    task: str = Field(
        "mnist1d-mlp", description="from 'actsearch tasks', or 'file.py:Class', or 'package.module:Class'"
    )
    extensions: tuple[str, ...] = Field(
        (), description="your own code to import first, 'file.py' or 'package.module', as for primitives; it is code"
    )
    data: str | None = Field(None, description="folder of data sets, for tasks that need one; else $ACTSEARCH_DATA")
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


def from_toml(text: str, source: str, *, stored: bool = False) -> CampaignConfig:
    """Read a configuration.

    Args:
        text: TOML.
        source: what to call it in an error.
        stored: whether it is that of a run: then a key without effect is no error, since it was accepted once.

    Raises:
        ActsearchError: it does not parse, or a key or value is wrong or has no effect; the message names the key.
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
    config = validated(raw, source)
    return config if stored else effective(config, raw, source)


def effective(config: CampaignConfig, given: dict[str, Any], source: str) -> CampaignConfig:
    """Return the configuration; a key that was given and has no effect is refused.

    Raises:
        ActsearchError: there is such a key; the message names it.
    """
    from search.effects import without_effect

    if (reason := without_effect(config, given)) is not None:
        raise ActsearchError(f"'{source}': {reason}")
    return config


def validated(raw: dict[str, Any], source: str) -> CampaignConfig:
    """Check keys and values, whether they have an effect or not; errors as in :func:`from_toml`."""
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
    shown = repr(first["input"])
    if first["type"] == "tuple_type":
        return f"key '{key}' cannot be {shown}: it takes a list, as in {path[-1]} = [{json.dumps(str(first['input']))}]"
    reason = first["msg"].removeprefix("Value error, ")
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
        lines += [f"# {field.description}", f"# {name} =" if field.default is None else _line(name, field.default)]
    return lines


def _line(key: str, value: Any) -> str:
    """Return a key with its value as one line of TOML, a dictionary as an inline table."""
    if isinstance(value, dict):
        return f"{key} = {{{', '.join(_line(*item) for item in value.items())}}}"
    text = " ".join(tomli_w.dumps({key: list(value) if isinstance(value, tuple) else value}).split())
    return text.replace(", ]", "]").replace("[ ", "[")
