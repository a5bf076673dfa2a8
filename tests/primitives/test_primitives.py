from __future__ import annotations

import pytest
import sympy

from primitives import PrimitiveError, all_primitives, get, named, register
from primitives.table import Kernels
from primitives.testing import PrimitiveContract


class TestEveryPrimitive(PrimitiveContract):
    @pytest.fixture(params=[p.name for p in all_primitives()])
    def primitive(self, request):
        return get(request.param)


def test_a_taken_name_is_refused():
    with pytest.raises(PrimitiveError, match="'relu' is already registered"):
        register(get("relu"))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(PrimitiveError, match="did you mean 'softplus'"):
        get("sofplus")


def test_a_users_primitive_is_a_few_lines_and_can_be_parsed_compiled_and_differentiated():
    import torch

    from primitives import compile_expression, parse
    from primitives.registry import _BY_FUNCTION, _TABLE

    kernels = Kernels("{0} / (1 + {0}**2)", "{0} / (1 + {0}**2)", "{0} / (1 + {0}**2)")
    bump = named("bump", lambda x: x / (1 + x**2), [lambda x: (1 - x**2) / (1 + x**2) ** 2], kernels=kernels, cost=6)
    try:
        compiled = compile_expression(parse("bump(2*x)"))
        x = torch.tensor([0.5], dtype=torch.float64)
        assert compiled.value(x).item() == 0.5
        assert compiled.slopes(x)[0].item() == pytest.approx(0.0)
        assert bump(sympy.Symbol("x")).func is bump
    finally:
        del _TABLE["bump"], _BY_FUNCTION[bump]
