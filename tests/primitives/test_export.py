from __future__ import annotations

import copy
import functools
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import sympy
import torch

from primitives import ActsearchError, all_primitives, compile_expression, library, parse, resolve
from primitives.check import inside
from primitives.export.dialects import DIALECTS, export, export_bytes
from primitives.export.exported import Provenance
from primitives.expression import Expression
from primitives.testing import applied
from runs import folder
from runs.provenance import provenance
from search.campaign.loop import seeded
from tests.helpers import in_double
from tests.runs.helpers import made_run
from tests.search.cli.test_cli import invoke
from tests.strategies import grammar

GRID = np.array([-200.0, -20.0, -3.2, -0.7, -1e-8, 0.0, 1e-8, 0.4, 1.9, 20.0, 200.0])
NOT_FINITE = np.array([-np.inf, np.inf, np.nan])
STEEP = {"siren", "soft_modulus", "smu1"}  # condition numbers far above 1: an error in x shows
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


def values(expression, grid=GRID):
    x = torch.from_numpy(grid)
    parameters = [torch.tensor(v, dtype=x.dtype) for _, v in expression.initial]
    return compile_expression(expression).value(x, *parameters).numpy()


def drawn(count):
    """Return expressions from the search's grammar, the same ones in every run."""
    found, seed = [], 0
    while len(found) < count:
        with seeded(seed, 0):
            found.append(grammar().expression(grammar().random_tree(2, 2 + 2 * (seed % 5))))
        seed += 1
        found = [expression for expression in found if expression is not None]
    return found


def agree(expression, slack=0.0):
    """Compare all three languages in float64 with the compiled expression."""
    jax = pytest.importorskip("jax")
    wanted = values(expression)
    module = in_double(load(export(expression, "torch", name="Act"))["Act"](), expression)
    np.testing.assert_allclose(module(torch.from_numpy(GRID)).detach().numpy(), wanted, rtol=1e-12)
    x = torch.from_numpy(NOT_FINITE)
    np.testing.assert_array_equal(module(x).detach().numpy(), values(expression, NOT_FINITE))
    functions = [load(export(expression, target, name="Act"))["activation"] for target in ("numpy", "jax")]
    with np.errstate(all="ignore"), jax.enable_x64(True):
        found = functions[0](GRID), np.asarray(functions[1](jax.numpy.asarray(GRID)))
    for result in found:
        np.testing.assert_array_equal(np.isfinite(result), np.isfinite(wanted))
        kept = np.isfinite(wanted)
        error = np.abs(result - wanted)[kept]
        assert np.all(error <= 1e-12 + 1e-9 * np.abs(wanted[kept]) + np.broadcast_to(slack, GRID.shape)[kept]), error


@pytest.mark.parametrize("text", ["gelu", "x**2 + x", "x*step(x)", "xielu", "squareplus", "hardshrink", "zero(x) + 2"])
def test_a_numpy_file_keeps_the_type_of_numbers_and_makes_whole_ones_float64(text):
    expression = resolve(text)
    function = load(export(expression, "numpy"))["activation"]
    image = np.array([[0, 1], [100, 200]], dtype=np.uint8)
    wanted = compile_expression(expression).value(
        torch.from_numpy(image.astype(np.float64)), *compile_expression(expression).initial
    )
    np.testing.assert_allclose(function(image), wanted.expand(2, 2).numpy(), rtol=1e-9)
    for kind in (np.float16, np.float32, np.float64):
        assert function(np.ones((2, 2), kind)).dtype == kind
    assert isinstance(function(1.0), float)
    assert function(True) == function(1) == function(1.0)
    with pytest.raises(TypeError, match="takes numbers, not complex128"):
        function(np.array([1j]))


@pytest.mark.parametrize("name", FORMULAS)
def test_torch_numpy_and_jax_exports_agree_with_what_was_trained(name):
    agree(FORMULAS[name])


def test_the_exports_of_random_expressions_agree_up_to_what_rounding_the_input_changes():
    for expression in drawn(100):
        with np.errstate(all="ignore"):
            moved = [np.abs(values(expression, GRID * (1 + step)) - values(expression)) for step in (4e-16, -4e-16)]
        agree(expression, slack=100 * np.nan_to_num(np.maximum(*moved), nan=np.inf))


def test_jax_in_float32_agrees_with_torch_in_float32():
    jax = pytest.importorskip("jax")
    grid = GRID[np.abs(GRID) < 100].astype(np.float32)
    for name in set(library()) - STEEP:
        expression = library()[name].expression
        found = load(export(expression, "jax"))["activation"](jax.numpy.asarray(grid))
        np.testing.assert_allclose(found, values(expression, grid), rtol=1e-4, atol=1e-5, err_msg=name)


def test_every_exported_file_is_as_ruff_would_write_it(tmp_path):
    """Ruff's own defaults, of references and random expressions, with a long class name and without."""
    known = [(name, reference.expression) for name, reference in library().items()]
    for index, (name, expression) in enumerate([*known, *((f"random{i}", e) for i, e in enumerate(drawn(150)))]):
        class_name = "Act" if index % 2 else "ALearnableActivationWithAVeryLongName"
        for target in ("torch", "numpy", "jax"):
            (tmp_path / f"{name}_{target}.py").write_text(export(expression, target, name=class_name))
    as_ruff_would_write(tmp_path)


def as_ruff_would_write(folder_):
    for command in (["check"], ["format", "--diff"]):
        arguments = [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", str(folder_)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[:4000] + done.stderr[:400]


@pytest.mark.parametrize("name", [p.name for p in all_primitives() if p.function is not None])
def test_every_primitive_can_be_exported_to_numpy_and_jax(name):
    from primitives import get

    expression = Expression(applied(get(name)))
    grid = np.array([at for at in (0.05, 0.4, 1.9, 20.0) if inside(get(name).domain, at)])
    wanted = compile_expression(expression).value(torch.from_numpy(grid)).numpy()
    np.testing.assert_allclose(load(export(expression, "numpy"))["activation"](grid), wanted, rtol=1e-9)
    jax = pytest.importorskip("jax")
    if not get(name).jax:
        with pytest.raises(ActsearchError, match=f"'{name}' has no kernel in jax"):
            export(expression, "jax")
        return
    with jax.enable_x64(True):
        function = load(export(expression, "jax"))["activation"]
        np.testing.assert_allclose(function(jax.numpy.asarray(grid)), wanted, rtol=1e-9)


@pytest.mark.parametrize("name", library())
def test_the_sympy_export_is_plain_sympy_of_the_same_values(name):
    expression = library()[name].expression
    body = sympy.sympify(export(expression, "sympy"))  # our own text
    assert not {str(f.func) for f in body.atoms(sympy.Function)} - set(dir(sympy))
    assert {s.name for s in body.free_symbols} == {"x", *expression.parameters}
    body = body.subs({sympy.Symbol(name): sympy.Rational(str(v)) for name, v in expression.initial})
    points = np.array([-2.5, -0.3, 0.7, 3.1])
    found = [float(body.subs("x", sympy.Rational(str(point))).evalf(30)) for point in points]
    np.testing.assert_allclose(found, values(expression, points), rtol=1e-9, atol=1e-12)


def restored(content):
    """Return a model's reference evaluation as a function of a float32 array, and the model."""
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    return lambda x: ReferenceEvaluator(model).run(None, {"x": x})[0], model


PIECES = ["gelu", "mish", "snake", "xielu", "hardswish", "squareplus", "golu", "softsign", "elu", "logsigmoid"]


@pytest.mark.parametrize("name", ["crrelu", "pau", "asinh", *(pytest.param(n, marks=pytest.mark.slow) for n in PIECES)])
def test_the_onnx_model_has_the_same_numbers_for_any_batch(name):
    pytest.importorskip("onnxscript")
    expression = library()[name].expression
    function, model = restored(export_bytes(expression, "onnx"))
    grid = GRID.astype(np.float32)
    for x in (grid.reshape(-1, 1), np.tile(grid, (3, 2))):
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(function(x), values(expression, x), rtol=3e-5, atol=3e-6)
    (sizes,) = {
        tuple(d.dim_param for d in v.type.tensor_type.shape.dim) for v in [*model.graph.input, *model.graph.output]
    }
    assert sizes == ("batch", "features")


def test_the_onnx_model_tells_where_it_comes_from_and_nothing_of_this_machine():
    pytest.importorskip("onnxscript")
    note = Provenance(("Found in run 'somewhere'.",))
    content = export_bytes(resolve("crrelu"), "onnx", gain=1.5, provenance=note)
    _, model = restored(content)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["gain"] == "1.5"
    assert facts["provenance"] == "Found in run 'somewhere'."
    assert facts["formula"] == "epsilon*x*gaussian(x) + relu(x)"
    assert "Found in run 'somewhere'." in model.doc_string
    assert b".py" not in content
    assert b"stack_trace" not in content


def test_onnx_on_the_command_line_writes_a_file_and_prints_one_line(tmp_path, capfd):
    pytest.importorskip("onnxscript")
    file = tmp_path / "act.onnx"
    assert invoke("export", "--expr", "mish(x)", "--to", "onnx", "-o", file) == (0, f"wrote {file}\n", "")
    assert restored(file.read_bytes())[0](np.zeros((2, 3), np.float32)).tolist() == [[0, 0, 0]] * 2
    assert capfd.readouterr() == ("", "")
    run = made_run(tmp_path / "made")
    assert invoke("export", run, "3", "--to", "onnx", "-o", tmp_path / "three.onnx")[0] == 0
    assert "candidate 3" in restored((tmp_path / "three.onnx").read_bytes())[1].doc_string


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gelu", "--to", "onnx"], "target 'onnx' is no text and cannot be printed; name a file with -o act.onnx"),
        (["gelu", "--to", "onxx", "-o", "{tmp}/a"], "unknown export target 'onxx'; did you mean 'onnx'?"),
        (["x*i0e(x)", "--to", "onnx", "-o", "{tmp}/a"], "no translation of bessel_i0e; choose another target"),
    ],
)
def test_what_cannot_be_an_onnx_file_is_one_sentence_and_no_file(arguments, message, tmp_path):
    pytest.importorskip("onnxscript")
    code, out, error = invoke("export", "--expr", *(a.format(tmp=tmp_path) for a in arguments))
    assert (code, out) == (2, "")
    assert message in error
    assert "\n" not in error
    assert not list(tmp_path.iterdir())


def test_without_onnx_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr("primitives.export.onnx_file.find_spec", lambda name: None)
    with pytest.raises(ActsearchError, match=re.escape("pip install 'actsearch[onnx]'")):
        export_bytes(resolve("gelu"), "onnx")


@pytest.mark.parametrize("target", sorted(name for name, dialect in DIALECTS.items() if not dialect.binary))
def test_a_text_exports_bytes_are_its_text(target):
    assert export_bytes(resolve("crrelu"), target).decode() == export(resolve("crrelu"), target)


LENGTHS = {  # how a user may write the torch kernel of a function of two arguments
    "function": ("torch.hypot({0}, {1})", ()),
    "arithmetic": ("torch.sqrt({0}**2 + {1}**2)", ()),
    "where": ("torch.where({0} > {1}, torch.sqrt({0}**2 + {1}**2), torch.sqrt({1}**2 + {0}**2))", ()),
    "helper": ("length({0}, {1})", (("torch", 'def length(a, b):\n    """Return it."""\n    return a.hypot(b)\n'),)),
}
OF_TWO = [
    "length(x, 2)", "length(-0.3, x)", "x*length(tanh(x) + 1, 1/3)", "length(x, x)", "x*length(alpha, 2)",
    "length(alpha, x) - length(x, sqrt(2)); alpha=-0.7", "length(length(x, 2), length(-3, x**2 + sin(x)))",
    "length(0.123456789012, length(1.5*x, length(-0.987654321098, x + length(sin(x), 0.333333333333))))**2",
]  # fmt: skip


@pytest.fixture(
    params=[pytest.param(n, marks=[pytest.mark.slow] if n in ("where", "function") else []) for n in LENGTHS]
)
def length(request):
    """A user's primitive of two arguments."""
    from primitives import Kernels, named, unregister

    def definition(a, b):
        return sympy.sqrt(a**2 + b**2)

    template, helpers = LENGTHS[request.param]
    named(
        "length", definition, [lambda a, b: a / definition(a, b), lambda a, b: b / definition(a, b)], symmetric=True,
        kernels=Kernels(template, "np.hypot({0}, {1})", "jnp.hypot({0}, {1})", helpers), cost=9, growth="mixed",
    )  # fmt: skip
    yield "length"
    unregister("length")


def test_a_users_primitive_of_two_arguments_is_exported_with_numbers_in_any_place(length, tmp_path):
    for index, text in enumerate(OF_TWO):
        expression = parse(text)
        agree(expression)
        for target in ("torch", "numpy", "jax"):
            (tmp_path / f"act{index}_{target}.py").write_text(export(expression, target, name="Act"))
    as_ruff_would_write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "act5_torch.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("length", ["arithmetic", "where"], indirect=True)  # torch's exporter has no hypot
def test_the_onnx_model_of_a_function_of_two_arguments_has_the_same_numbers(length):
    pytest.importorskip("onnxscript")
    expression, x = parse("length(x, 2)*length(alpha, x); alpha=0.5"), GRID.astype(np.float32).reshape(-1, 1)
    function, _ = restored(export_bytes(expression, "onnx"))
    np.testing.assert_allclose(function(x), values(expression, x), rtol=1e-5, atol=1e-6)


def test_the_helpers_of_a_users_primitive_travel_with_every_file():
    from primitives import Kernels, named, unregister

    source = 'def doubled(x):\n    """Return x + x."""\n    return x + x\n'
    helpers = tuple((dialect, source) for dialect in ("torch", "numpy", "jax"))
    kernels = Kernels("doubled({0})", "doubled({0})", "doubled({0})", helpers)
    named("doubled_gate", lambda x: 2 * x, [lambda _: sympy.Integer(2)], kernels=kernels, cost=1)
    try:
        agree(parse("x*doubled_gate(x) + doubled_gate(x)"))
    finally:
        unregister("doubled_gate")


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
    wrong = right.replace("return grad * dx,", "return 1.01 * grad * dx,", 1)
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
    "name", ["relu", "class", "2Act", "A-b", "", "x y", "F", "GAIN", "SystemExit", "EagerFunction", "A" * 41]
)
def test_an_impossible_class_name_is_refused(name):
    with pytest.raises(ActsearchError, match="cannot be the class name"):
        export(resolve("relu"), "torch", name=name)


@pytest.mark.parametrize("name", ["Torch", "Nn", "Check", "Super", "Float", "Print", "X", "Zip", "List", "Activation"])
def test_a_class_name_never_shadows_what_the_file_uses(name, monkeypatch):
    fast = functools.partial(torch.autograd.gradcheck, fast_mode=True)
    monkeypatch.setattr(torch.autograd, "gradcheck", fast)
    names = load(export(resolve("crrelu"), "torch", name=name))
    assert names["check"]() == 1000
    assert names[name]()(torch.ones(2)).shape == (2,)
