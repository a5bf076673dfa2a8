"""Formulas as people write them: what they mean, what is said back, and what is refused."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives import ActsearchError, ExpressionError, compile_expression, library, parse, read, resolve
from primitives.export.dialects import DIALECTS
from primitives.export.exported import Exported
from primitives.names import PARAMETER_NAMES, is_parameter
from primitives.reading.reading import understood
from primitives.reading.words import ELSEWHERE, said_of
from tests.strategies import expressions

X = np.concatenate([np.linspace(-6, 6, 121), [-20.0, 1e-8, -1e-8, 20.0]])

SAME = {
    # products without a sign, powers of functions, bars, brackets
    "2x": "2*x", "x tanh(x)": "x*tanh(x)", "(x+1)(x-1)": "(x+1)*(x-1)", "x(1-x)": "x*(1-x)", "2 tanh x + 1": "2*tanh(x) + 1",
    "sin^2(x)": "sin(x)**2", "sin**2(x)": "sin(x)**2", "sin²(x)": "sin(x)**2", "tanh^-1(x)": "log((1+x)/(1-x))/2",
    "sinh^-1(x)": "asinh(x)", "tanh 2x": "tanh(2*x)", "|x|": "abs(x)", "|x|^2 + ||x| - 1|": "abs(x)**2 + abs(abs(x)-1)",
    "2|x||x+1|": "2*abs(x)*abs(x+1)", "[x]_+": "relu(x)", "(x-1)_+": "relu(x-1)", "x⁺": "relu(x)", "x/2x": "x/2*x",
    "-x^2": "-x**2", "2^-x": "2**(-x)", "1.5e-3x": "0.0015*x", "2exp(x)": "2*exp(x)",
    "ax": "a*x", "xtanh(x)": "x*tanh(x)", "xe^{-x}": "x*exp(-x)",
    "tanh[x]": "tanh(x)", "nn.GELU()(x)": "gelu(x)", "nn.LeakyReLU(0.2)": "max(0.2*x, x)", "torch.nn.SiLU()": "silu(x)", "F.mish": "mish(x)", "tan⁻¹(x)": "atan(x)", r"\tan^{-1}(x)": "atan(x)", "a sin(ωx + φ)": "a*sin(omega*x + phi)",
    "sigma**2*x": "sigma**2*x", "σ²x": "sigma**2*x",
    # definitions, and another unknown
    "f(x) = x*tanh(x)": "x*tanh(x)", "y = 2x": "2*x", "f(z) := z^2": "x**2", "lambda z: max(0, z)": "relu(x)",
    "z*sigmoid(z)": "silu(x)", "u tanh(u)": "x*tanh(x)", "t**2": "x**2", "x*sigmoid(z*x)": "x*sigmoid(z*x)",
    "CELU(x, α) = x": "x", "f(x) = x g(x), g(x) = tanh(x)": "x*tanh(x)", "x·s where s = tanh(x)": "x*tanh(x)",
    "f(x) = x tanh(h(x)), h(z) = ln(1 + k(z)), k(u) = e^u": "mish(x)", "a·x, a = 0.3": "a*x; a=0.3", "z_k σ(z_k)": "silu(x)",
    "def f(x, a=0.5): return a*x": "a*x; a=0.5", "x ↦ x²": "x**2", "f(x) = x(x + 1) = x² + x": "x**2 + x",
    "s(x) = ln(1+e^x), f(x) = x tanh(s(x))": "mish(x)", "xσ(βx), where β is learnable": "x*sigmoid(beta*x)", "xσ(βx), β > 0 (β = 2)": "x*sigmoid(beta*x); beta=2",
    "x·σ(x)   (12)": "silu(x)", "f: ℝ → ℝ, f(x) = x²": "x**2", "swish = lambda x, beta=2.0: x*sigmoid(beta*x)": "x*sigmoid(beta*x); beta=2",
    "return x*self.beta": "beta*x", "q tanh(q)": "x*tanh(x)", "c0 + c1x": "c_0 + c_1*x", "tanhx": "tanh(x)", "x/(1+e^-βx)": "x*sigmoid(beta*x)",
    "LeakyReLU(0.2)(x)": "max(0.2*x, x)", "nn.Tanh()(nn.Softplus()(x))": "tanh(softplus(x))", "keras.layers.LeakyReLU(x)": "max(0.3*x, x)",
    "fmod(x, 2)": "x - 2*sign(x)*floor(abs(x)/2)", "heaviside(x, 1)": "1 - step(-x)", "I(x > 0) x": "relu(x)", "x^+ + [x]^+": "2*relu(x)",
    r"\sigma^2(x)": "sigmoid(x)**2", r"\sigma^{-1}(\sigma(x))": "log(sigmoid(x)) - log(1-sigmoid(x))", r"\hat{x} \vert x \vert": "x*abs(x)", r"\alpha_{+} x": "alpha_p*x",
    r"\begin{cases} x^2, & x \in [0,1] \\ 0, & \text{otherwise} \end{cases}": "where(min(x, 1-x) < 0, 0, x**2)",
    r"\begin{cases} x, \quad x<0 \text{ or } x>1 \\ 0, \quad \text{else} \end{cases}": "where(min(x, 1-x) < 0, x, 0)",
    r"\begin{cases} x; & x > 0 \\ \alpha x; & x \leq 0 \end{cases}": "where(x > 0, x, alpha*x)",
    # letters of mathematics
    "x·σ(βx)": "x*sigmoid(beta*x)", "½x(1+erf(x/√2))": "gelu(x)", "x Φ(x)": "gelu(x)", "π x²": "pi*x**2", "x³ − 1": "x**3-1",
    "𝑥 tanh(𝑥)": "x*tanh(x)", "αx + β": "alpha*x + beta", "x×2÷3": "x*2/3", "∛x": "sign(x)*abs(x)**(1/3)",
    # parameters
    "a*tanh(b*x)": "a*tanh(b*x)", "alpha_1*x + omega_0": "alpha_1*x + omega_0", "lambda*x": "lambda_*x",
    "λ₁x": "lambda_1*x", "a*x; a=2": "a*x; a=2", "λx; λ=0.5": "lambda_*x; lambda_=0.5", "gamma(x)": "gamma*x",
    # code
    "torch.relu(x)**2": "relu(x)**2", "F.gelu(x)*np.tanh(x)": "gelu(x)*tanh(x)", "jnp.maximum(0, x)": "relu(x)",
    "torch.nn.functional.softplus(x)": "softplus(x)", "np.pi*x": "pi*x", "math.exp(-x**2)": "exp(-x**2)",
    "torch.clamp(x, 0, 6)": "min(max(x, 0), 6)", "clip(x, -1, 1)": "hardtanh(x)", "np.clip(x, 0, None)": "relu(x)", "clamp(x, min=0)": "relu(x)",
    "np.clip(x, a_min=0, a_max=1)": "min(max(x, 0), 1)", "max(x, 0, -1)": "relu(x)", "torch.special.expit(x)": "sigmoid(x)",
    # by cases
    "x if x > 0 else 0.1*x": "where(x > 0, x, 0.1*x)", "np.where(x>=0, x, a*x)": "where(x < 0, a*x, x)", "x*(x>0)": "relu(x)",
    "Piecewise((x, x>0), (0, True))": "where(x > 0, x, 0)", "[x > 0]x": "relu(x)", "1_{x>0} x": "relu(x)", r"x\,\mathbb{1}_{x>0}": "relu(x)",
    r"\begin{cases} x & x > 0 \\ \alpha(e^x-1) & x \le 0 \end{cases}": "where(x > 0, x, alpha*expm1(x))",
    r"f(x)=\begin{cases} x, & \text{if } x \geq 0 \\ \alpha x, & \text{otherwise} \end{cases}": "where(x < 0, alpha*x, x)",
    r"\left\{\begin{array}{ll} x & x>0\\ 0 & x\leq 0\end{array}\right.": "where(x > 0, x, 0)", "x*((x>0) & (x<1))": "x*step(min(x, 1-x))",
    "x if -1 < x <= 1 else sign(x)": "where(abs(x) < 1, x, sign(x))", "x*((x>1) | (x<-1))": "x*step(abs(x)-1)", "|x| if |x| < 1 else 0": "where(abs(x) < 1, abs(x), 0)",
    "lambda x: x if x>0 else (x*0.2 if x > -1 else -0.2)": "where(x > 0, x, where(x > -1, 0.2*x, -0.2))", "sin(x)/x if x != 0 else 1": "sinc(x)",
    "max(x, 0) if not x > 1 else 1": "min(relu(x), 1)", "where(x, x, 0)": "relu(x)",
    "x > 0 ? x : 0": "relu(x)", "f(x) = {x, x > 0; 0, x <= 0}": "relu(x)", "x for x > 0, 0.1x otherwise": "where(x > 0, x, 0.1*x)",
    "J_0(x)": "j0(x)", "W(x+9)": "lambertw(x+9)", r"\lfloor x \rfloor": "floor(x)", "mod(x, 2)": "x - 2*floor(x/2)", "cbrt(x)": "sign(x)*abs(x)**(1/3)",
    # names of other fields, capitals, functions of the library inside a formula
    "ReLU(x)": "relu(x)", "GELU(x)": "gelu(x)", "LeakyReLU(x)": "max(0,x) + 0.01*min(0,x)", "x*hardswish(x)": "x**2*hardsigmoid(x)",
    "Hardswish(2x)": "2*x*hardsigmoid(2*x)", "expit(x)": "sigmoid(x)", "logistic(x)": "sigmoid(x)", "sgn(x)": "sign(x)",
    "Heaviside(x)": "step(x)", "sech(x)": "1/cosh(x)", "coth(x+9)": "1/tanh(x+9)", "logaddexp(0, x)": "softplus(x)",
    "ln(1+x^2)": "log(1+x**2)", "log_{10}(2+x^2)": "log(2+x**2)/log(10)", "phi(x)": "exp(-x**2/2)/sqrt(2*pi)",
    "swish(x)": "silu(x)", "hard_swish(x)": "x*hardsigmoid(x)", "quick_gelu(x)": "x*sigmoid(1.702*x)",
    "np.sinc(x)": "sinc(pi*x)", "normalized_sinc(x)": "sinc(pi*x)", "alpha*prelu(x)": "alpha*(max(0,x) + beta*min(0,x)); beta=0.25",
    # LaTeX
    r"\frac{x}{1+e^{-\beta x}}": "x*sigmoid(beta*x)", r"$x \cdot \sigma(x)$": "silu(x)", r"\max\{0,x\}": "relu(x)",
    r"\(x\tanh\left(\ln(1+e^x)\right)\)": "mish(x)", r"\operatorname{ReLU}(x)^2": "relu(x)**2", r"\sqrt{x^2+1} - 1": "sqrt(x**2+1)-1",
    r"\frac12 x\left[1+\operatorname{erf}\left(x/\sqrt{2}\right)\right]": "gelu(x)", r"x + \frac{1}{a}\sin^2(ax)": "x + sin(a*x)**2/a",
    r"\mathrm{GELU}(x)": "gelu(x)", r"\left|x\right| + \lvert x \rvert": "2*abs(x)", r"\sin^2 x": "sin(x)**2", r"e^{-x^2}": "exp(-x**2)",
    r"\lambda_{1} x": "lambda_1*x", r"\varphi(x)": "exp(-x**2/2)/sqrt(2*pi)", r"f(x)=\frac{1}{2}x": "x/2", r"\dfrac{x}{2}\,\bigl(1+x\bigr)": "x/2*(1+x)",
    r"\sqrt[3]{x}": "sign(x)*abs(x)**(1/3)", r"[x]_{+}": "relu(x)", r"\alpha\left(e^{x}-1\right)": "alpha*expm1(x)",
}  # fmt: skip


def values(expression):
    names = sorted(expression.parameters)
    numbers = [0.3 + 0.41 * at for at in range(len(names))]
    with np.errstate(all="ignore"):
        return np.broadcast_to(compile_expression(expression).numpy(X, *numbers), X.shape)


@pytest.mark.parametrize("text", SAME)
def test_a_formula_as_people_write_it_is_the_function_that_they_mean(text):
    found, wanted = resolve(text), parse(SAME[text])
    assert found.initial == wanted.initial
    np.testing.assert_allclose(values(found), values(wanted), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", library())
def test_the_latex_of_the_library_is_read_back(name):
    expression = library()[name].expression
    found = read(expression.latex).expression
    assert set(found.parameters) == set(expression.parameters)
    np.testing.assert_allclose(values(found), values(expression), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in library() if name != "swish"])  # a word for silu in a formula
def test_a_library_name_inside_a_formula_is_its_function_with_its_values(name):
    expression = library()[name].expression
    found = resolve(f"x*{name}(2x)")
    assert found.initial == expression.initial
    inner = compile_expression(expression).numpy
    with np.errstate(all="ignore"):
        wanted = X * inner(2 * X, *expression.parameters.values())
        got = compile_expression(found).numpy(X, *found.parameters.values())
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9)


@settings(max_examples=150)
@given(expressions)
def test_our_own_infix_and_its_latex_mean_what_they_meant(expression):
    assert read(str(expression)).expression == expression
    with contextlib.suppress(ExpressionError):  # of a number beyond the limits, say
        found = read(expression.latex).expression
        np.testing.assert_allclose(values(found), values(expression), rtol=1e-6, atol=1e-6)


SAID = {
    "sinc(x)": "normalized_sinc", "np.sinc(x)": "sin(pi*u)/(pi*u)", "sigma(x)": "logistic", "Phi(x)": "distribution function",
    "tanh^-1(x)": "inverse function atanh", "z*tanh(z)": "'z' is read as x", "x/2x": "(x/2)*x", "tanh x": "tanh(x)",
    "alpha*prelu(x)": "alpha of prelu is called beta", "gamma(x)": "product", "f(x+1)": "product",
    "x C(x)": "product", "x H(x)": "Heaviside", "jax.nn.gelu(x)": "exact", "laplace(x)": "transformers", "ax": "a*x", "e^2x": "e**(2*x)", "√2x": "sqrt(2*x)", "x^{1/3}": "cbrt", "x (2)": "product", "β x, β > 0": "not kept", "nn.gelu(x)": "flax",
    "xΦ(x) = x·½(1 + erf(x/√2))": "the last one is read", "x*log(1 + exp(x))": "softplus(x)", r"\frac{x}{1+e^{-x}}": "silu(x)",
}  # fmt: skip


@pytest.mark.parametrize("text", SAID)
def test_what_could_mean_something_else_is_said_back(text):
    assert SAID[text] in " ".join(understood(text).notes)


@pytest.mark.parametrize(
    "text", ["x*tanh(x)", "2x", "ReLU(x)", r"\frac{x}{2}", "½x", "gelu", "a*x", "x(1+x)", "|x|", "√x"]
)
def test_of_what_is_plain_nothing_is_said(text):
    assert understood(text).notes == ()


REFUSED = {
    "x +": "ends too early", "(x": "ends too early", "x*relu": "relu(x)", "xtahn(x)": "did you mean", "ab": "a*b", "x2 + 1": "x**2",
    "x,x": "',' at position 2", "%s": "'%' at position 1", "x!": "'!' at position 2", "|x": "do not match",
    "cos^-1(x)": "inverse function, which is not known", "x if x > 0": "ends too early", r"\begin{matrix} x \end{matrix}": "environment 'matrix'", "x if x else 0": "no condition",
    "np.where(x, x, 0)": "no condition", "where(x > 0, x)": "a condition and two values", "max((x, 1), 2)": "not several",
    "relu(x, 2)": "relu takes 1 argument, 2 given", "elu(x, 2, 3)": "takes its input and alpha", "gish(x, alpha=2)": "'alpha='", "clip(x)": "limits", "clip(x, None, None)": "limits", "x + None": "None", "os.system(x)": "unknown",
    "softmax(x)": "several at once", "np.mean(x)": "several at once", "F.dropout(x)": "random",
    "__import__('os')": "position", "F*x": "unknown", "x g(x), g(x) = g(x)": "defined by itself", r"\sum_{i=0}^{3} x^i": "terms", r"\frac{d}{dx}\tanh(x)": "derivative",
    "2 3": "sign between the numbers", "0,01x": "does not fit", "max(0, 01x)": "a point", "d/dx tanh(x)": "derivative", "2j*x": "complex", "x[0]": "single number",
    r"\begin{cases} x & \text{for positive } x \\ 0 & \text{else} \end{cases}": "'positive x' is no condition", "F.softmax(x, dim=-1)": "several at once", r"\sqrt[n]{x}": "x^(1/n)",
    "threshold(x)": "takes its input and threshold and value", "softmax": "several at once", "elu(x, beta=2)": "alpha", "x.foo()": "unknown", "2x; b=1": "does not occur", "max()": "", "": "empty",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_formula_is_refused_in_a_sentence_of_our_own(text):
    with pytest.raises(ExpressionError) as caught:
        resolve(text)
    said = str(caught.value)
    assert REFUSED[text] in said
    assert not any(word in said for word in ("invalid syntax", "Token", "Expected", "EOF", "unexpected", "$END"))


DEEP = [
    "-" * 1900 + "x",
    "2^" * 900 + "x",
    "sin " * 450 + "x",
    "|" * 900 + "x",
    "\ufdfa" * 1900,
    "{" * 1990,
]


@pytest.mark.parametrize("text", DEEP, ids=lambda text: text[:4])
def test_what_is_nested_too_deeply_is_refused(text):
    with pytest.raises(ExpressionError):
        resolve(text)


@settings(max_examples=400)
@given(st.text(alphabet="x2.+-*/^()|[]{}\\$_=,;<> aeλσ²½√πlogtanhfrcmeq", max_size=40))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(ActsearchError):
        assert parse(str(read(text).expression)) == read(text).expression


@pytest.mark.parametrize("name", ["a", "b", "c", "f", "k", "n", "p", "q", "s", "t", "w", "z", "A", "C", "I", "N", "O", "Q", "S", "T", "alpha_1", "lambda_", "xi"])  # fmt: skip
def test_any_letter_is_a_parameter_in_every_dialect(name):
    expression = parse(f"x*sigmoid({name}*x); {name}=0.7")
    layer = compile_expression(expression).module(**{name: 1.5})
    assert [each for each, _ in layer.named_parameters()] == [name]
    for dialect in ("torch", "numpy", "jax", "latex", "sympy"):
        assert DIALECTS[dialect].write(Exported(expression, "Act"))
    assert read(expression.latex + f"; {name}=0.7").expression == expression


def test_words_of_other_fields_are_no_parameters_and_say_what_they_are():
    assert not set(ELSEWHERE) & {name for name in PARAMETER_NAMES if name not in ("sigma", "phi")}
    assert all(said_of(word) for word in ("sigma", "phi", "Phi", "sinc", "np.sinc"))
    assert not any(map(is_parameter, ("x", "e", "E", "F", "alpha_123", "ab", "lambda__")))
