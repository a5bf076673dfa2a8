from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sympy
import torch

from primitives import ActsearchError, all_primitives, compile_expression, library, parse, resolve
from primitives.expression import Expression
from primitives.testing import applied
from runs import folder
from runs.export import Provenance, export
from runs.provenance import provenance
from tests.runs.helpers import made_run

GRID = np.array([-200.0, -20.0, -3.2, -0.7, -1e-8, 1e-8, 0.4, 1.9, 20.0, 200.0])
FORMULAS = {
    **{r.name: r.expression for r in library().values()},
    "odd one": parse(
        "alpha*sin(x)**2/(1 + abs(x))**0.5 - max(0.5, x)*min(beta, x)/3 + sqrt(2/pi)*x; alpha=0.3; beta=-2"
    ),
    "shared": parse("tanh(x**2 + 1)*exp(-(x**2 + 1)) - 1/(x**2 + 1)**2"),
    "constants": parse("x*erf(0.5) + max(erf(0.5), x)*E"),
}


def load(text, name="module"):
    """Run exported text the way a user's import would, and return its names."""
    names = {"__name__": name}
    exec(compile(text, f"{name}.py", "exec"), names)
    return names


def in_double(layer, expression):
    """A parameter is born in float32, like PReLU's; give it its exact value."""
    layer = layer.double()
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.fill_(expression.parameters[name])
    return layer


def values(expression):
    compiled = compile_expression(expression)
    x = torch.from_numpy(GRID)
    return compiled.value(x, *[torch.tensor(v, dtype=torch.float64) for _, v in expression.initial]).numpy()


@pytest.mark.parametrize("name", FORMULAS)
def test_torch_numpy_and_jax_exports_agree_with_what_was_trained(name):
    expression = FORMULAS[name]
    wanted = values(expression)
    module = in_double(load(export(expression, "torch", name="Act"))["Act"](), expression)
    np.testing.assert_allclose(module(torch.from_numpy(GRID)).detach().numpy(), wanted, rtol=1e-12)
    numpy_function = load(export(expression, "numpy", name="Act"))["activation"]
    with np.errstate(over="ignore", invalid="ignore"):
        np.testing.assert_allclose(numpy_function(GRID), wanted, rtol=1e-9, atol=1e-12)
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        jax_function = load(export(expression, "jax", name="Act"))["activation"]
        np.testing.assert_allclose(jax_function(jax.numpy.asarray(GRID)), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", [p.name for p in all_primitives() if p.function is not None])
def test_every_primitive_can_be_exported_to_numpy_and_jax(name):
    from primitives import get

    expression = Expression(applied(get(name)))
    grid = np.array([0.05, 0.4, 1.9, 20.0])
    wanted = compile_expression(expression).value(torch.from_numpy(grid)).numpy()
    np.testing.assert_allclose(load(export(expression, "numpy"))["activation"](grid), wanted, rtol=1e-9)
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        function = load(export(expression, "jax"))["activation"]
        np.testing.assert_allclose(function(jax.numpy.asarray(grid)), wanted, rtol=1e-9)


@pytest.mark.parametrize("name", ["crrelu", "mish", "gelu", "prelu", "elu", "hardswish"])
def test_the_sympy_export_is_plain_sympy_of_the_same_values(name):
    expression = library()[name].expression
    body = sympy.sympify(export(expression, "sympy"))  # our own text
    for symbol in body.free_symbols - {sympy.Symbol("x")}:
        body = body.subs(symbol, expression.parameters[symbol.name])
    for point in (-2.5, -0.3, 0.7, 3.1):
        layer = in_double(compile_expression(expression).module(), expression)
        wanted = layer(torch.tensor(point, dtype=torch.float64)).item()
        assert float(body.subs(sympy.Symbol("x"), point)) == pytest.approx(wanted, rel=1e-9)


def test_the_file_checks_itself_and_imports_nothing_but_torch(tmp_path):
    file = tmp_path / "act.py"
    file.write_text(export(resolve("x*tanh(softplus(alpha*x))"), "torch", name="MyAct"))
    done = subprocess.run([sys.executable, "-I", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "MyAct: the gradient agrees with finite differences at 1000 points\n"
    imports = {
        line.split()[1].split(".")[0] for line in file.read_text().splitlines() if line.startswith(("import", "from"))
    }
    assert imports == {"torch"}


def test_the_self_check_fails_when_the_gradient_is_wrong(tmp_path):
    file = tmp_path / "act.py"
    right = export(resolve("crrelu"), "torch", name="Act")
    wrong = right.replace("return grad * dx,", "return 1.01 * grad * dx,")
    assert wrong != right
    file.write_text(wrong)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_an_exported_module_survives_everything_a_module_should(tmp_path, monkeypatch):
    (tmp_path / "exported_act.py").write_text(export(resolve("crrelu"), "torch", name="Act", gain=1.4))
    monkeypatch.syspath_prepend(tmp_path)
    import exported_act

    layer, x = exported_act.Act(), torch.randn(5, 3, requires_grad=True)
    assert exported_act.GAIN == 1.4
    with torch.no_grad():
        layer.epsilon.fill_(0.7)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(x), layer(x))
    fresh = exported_act.Act()
    fresh.load_state_dict(layer.state_dict())
    torch.testing.assert_close(fresh(x), layer(x))
    assert fresh.double()(x.double()).dtype == torch.float64
    assert fresh.bfloat16()(x.bfloat16()).dtype == torch.bfloat16
    compiled = torch.compile(layer, fullgraph=True, backend="inductor")
    y = compiled(x)
    torch.testing.assert_close(y, layer(x))
    (compiled_slope,) = torch.autograd.grad(y.sum(), x)
    (slope,) = torch.autograd.grad(layer(x).sum(), x)
    torch.testing.assert_close(compiled_slope, slope)
    program = torch.export.export(layer, (x.detach(),))
    torch.testing.assert_close(program.module()(x.detach()), layer(x.detach()))


def test_the_docstring_tells_where_it_comes_from_and_cannot_be_broken_out_of(tmp_path):
    run = made_run(tmp_path / 'ru"""n\\')
    with folder.reading(run) as store:
        candidate = store.candidates()[2]
        found = provenance(store, run, candidate)
    text = export(parse(candidate.expression), "torch", provenance=found)
    doc = load(text)["__doc__"]
    for part in ("x*tanh(x)", "LaTeX: $x \\tanh", "candidate 3", "crossover from 1, 2", "0.2100", "Not confirmed yet"):
        assert part in doc
    hostile = export(resolve("relu"), "torch", provenance=Provenance(('"""\nraise SystemExit(9)\n"""',)))
    assert load(hostile)["Activation"]


@pytest.mark.parametrize(
    "name", ["relu", "class", "2Act", "A-b", "", "x y", "F", "GAIN", "SystemExit", "ActivationFunction"]
)
def test_an_impossible_class_name_is_refused(name):
    with pytest.raises(ActsearchError, match="cannot be the class name"):
        export(resolve("relu"), "torch", name=name)


@pytest.mark.parametrize("name", ["Torch", "Nn", "Check", "Super", "Float", "Print", "X", "Zip", "List", "Activation"])
def test_a_class_name_never_shadows_what_the_file_uses(name):
    names = load(export(resolve("crrelu"), "torch", name=name))
    assert names["check"]() == 1000
    assert names[name]()(torch.ones(2)).shape == (2,)
