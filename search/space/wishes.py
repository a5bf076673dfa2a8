"""What a user wants of a formula: the section ``[wishes]`` of a campaign."""

from __future__ import annotations

from itertools import combinations

from pydantic import Field, field_validator

from evaluators.judging.properties.catalogue import PROPERTIES
from primitives.errors import unknown
from primitives.options import Options


class Wishes(Options):
    """What is wanted of every formula that the search trains; seeds must be so, baselines need not."""

    forbidden: tuple[str, ...] = Field((), description="primitives that neither a tree nor its formula may have")
    required: tuple[str, ...] = Field((), description="primitives that each formula must have")
    properties: tuple[str, ...] = Field(
        (),
        description="what each function must be, at the initial values of its parameters: bounded, monotone, smooth, "
        "twice_differentiable, odd, even, zero_at_zero, positive; what the task needs is added",
    )
    input_scale: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="standard deviation of what activations see: functions are screened there, too; the task's own if "
        "that is more",
    )
    max_cost: float | None = Field(
        None,
        gt=0,
        description="cost of a formula at most, forward and backward, in float32 multiplications; ReLU has 2",
    )

    @field_validator("forbidden", "required")
    @classmethod
    def _primitives(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from primitives.table import all_primitives

        table = [primitive.name for primitive in all_primitives()]
        for name in names:
            if name not in table:
                raise ValueError(unknown("primitive", name, table))
        return names

    @field_validator("properties")
    @classmethod
    def _agree(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in PROPERTIES:
                raise ValueError(unknown("property", name, PROPERTIES))
        for one, other in combinations(names, 2):
            why = PROPERTIES[one].excludes.get(other) or PROPERTIES[other].excludes.get(one)
            if why:
                raise ValueError(f"no function is both '{one}' and '{other}', since {why}; take one of them out")
        return names

    @property
    def any(self) -> bool:
        """Whether something is wished for."""
        return bool(self.forbidden or self.required or self.properties or self.max_cost or self.input_scale != 1)
