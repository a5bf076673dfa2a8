"""Known activations as expressions: the baselines of every campaign and the names a user may type.

Constants that their authors train are learnable here, with the published initial values; others
are fixed. Left out, because no second source for the formula was found: PANGAEA's three best
functions (arXiv 2006.03179), the evolved tanh(x^2) + ReLU of Vijayaprabakaran (2022), and TSiLU,
whose printed formulas contradict each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from primitives.expression import Expression
from primitives.parser import parse


@dataclass(frozen=True)
class Reference:
    """A published activation: its name, its expression, and where it comes from."""

    name: str
    expression: Expression
    citation: str


# min(x, 0) is -relu(-x); smooth joints at 0 are spelled so that relu'(0) = 0 leaves them the right slope.
_ENTRIES = (
    ("relu", "relu(x)", "Nair & Hinton 2010"),
    ("leaky_relu", "0.01*x + 0.99*relu(x)", "Maas et al. 2013"),
    ("prelu", "alpha*x + (1 - alpha)*relu(x); alpha=0.25", "He et al. 2015, arXiv 1502.01852"),
    ("elu", "elu(x)", "Clevert et al. 2015, arXiv 1511.07289"),
    ("gelu", "gelu(x)", "Hendrycks & Gimpel 2016, arXiv 1606.08415"),
    ("silu", "silu(x)", "Elfwing et al. 2017, arXiv 1702.03118"),
    ("mish", "mish(x)", "Misra 2019, arXiv 1908.08681"),
    ("crrelu", "relu(x) + epsilon*x*gaussian(x); epsilon=0.01", "Sun et al. 2024, arXiv 2405.12954 (EAFO)"),
    # classical and sigmoidal
    ("identity", "x", "classical"),
    ("sigmoid", "sigmoid(x)", "classical"),
    ("tanh", "tanh(x)", "classical"),
    ("scaled_tanh", "1.7159*tanh(2*x/3)", "LeCun et al. 1998"),
    ("atan", "atan(x)", "classical"),
    ("asinh", "asinh(x)", "classical"),
    ("erf", "erf(x)", "classical"),
    ("softsign", "softsign(x)", "Turian 2009"),
    ("elliott", "0.5*softsign(x) + 0.5", "Elliott 1993"),
    ("isru", "x/sqrt(1 + x**2)", "Carlile et al. 2017, arXiv 1710.09967"),
    ("isrlu", "x/sqrt(1 + relu(-x)**2)", "Carlile et al. 2017, arXiv 1710.09967"),
    ("sqnl", "2*hardtanh(x/2) - hardtanh(x/2)*abs(hardtanh(x/2))", "Wuraola & Patel 2018"),
    ("hardtanh", "hardtanh(x)", "Collobert 2004"),
    ("hardsigmoid", "hardsigmoid(x)", "torch.nn.Hardsigmoid"),
    ("softplus", "softplus(x)", "Dugas et al. 2001"),
    ("logsigmoid", "logsigmoid(x)", "classical"),
    ("softplus_beta", "softplus(beta*x)/beta", "Dugas et al. 2001; torch.nn.Softplus(beta)"),
    ("squareplus", "squareplus(x)", "Barron 2021, arXiv 2112.11687"),
    ("bent_identity", "(sqrt(x**2 + 1) - 1)/2 + x", "folklore"),
    ("blu", "beta*(sqrt(x**2 + 1) - 1) + x; beta=0.1", "Godfrey 2019"),
    # piecewise linear and powers
    ("relu6", "relu6(x)", "Krizhevsky 2010"),
    ("shifted_relu", "max(-1, x)", "Clevert et al. 2015, arXiv 1511.07289"),
    ("abs", "abs(x)", "classical"),
    ("squared_relu", "relu(x)**2", "So et al. 2021, arXiv 2109.08668 (Primer)"),
    ("star_relu", "alpha*relu(x)**2 + beta; alpha=0.8944; beta=-0.4472", "Yu et al. 2022, arXiv 2210.13452"),
    ("recu", "relu(x)**3", "RePU family, Li et al. 2019"),
    ("nlrelu", "log(relu(x) + 1)", "Liu et al. 2019"),
    ("plu", "max(0.1*(x + 1) - 1, min(0.1*(x - 1) + 1, x))", "Nicolae 2018, arXiv 1809.09534"),
    ("vlu", "relu(x) + alpha*sin(beta*x)", "Gupta & Duggal 2021"),
    ("sine_relu", "relu(x) + 0.0025*(sin(x) - cos(x))*step(-x)", "Rodrigues 2018"),
    ("hardshrink", "x*step(abs(x) - 0.5)", "torch.nn.Hardshrink"),
    ("softshrink", "relu(x - 0.5) - relu(-x - 0.5)", "torch.nn.Softshrink"),
    ("tanhshrink", "x - tanh(x)", "torch.nn.Tanhshrink"),
    # exponential units
    ("selu", "selu(x)", "Klambauer et al. 2017, arXiv 1706.02515"),
    ("celu", "elu(x)", "Barron 2017, arXiv 1704.07483 (alpha = 1)"),
    ("pelu", "alpha*relu(x)/beta + alpha*expm1(-relu(-x)/beta)", "Trottier et al. 2016, arXiv 1605.09332"),
    ("serlu", "1.07862*x - 1.07862*relu(-x)*(2.90427*exp(-relu(-x)) - 1)", "Zhang & Li 2018, arXiv 1807.10117"),
    # gated by a sigmoid or a distribution function
    ("swish", "x*sigmoid(beta*x); beta=1", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("e_swish", "1.5*silu(x)", "Alcaide 2018, arXiv 1801.07145"),
    ("hardswish", "x*hardsigmoid(x)", "Howard et al. 2019, arXiv 1905.02244"),
    ("gelu_tanh", "x*sigmoid(2*sqrt(2/pi)*(x + 0.044715*x**3))", "Hendrycks & Gimpel 2016, arXiv 1606.08415"),
    ("quick_gelu", "x*sigmoid(1.702*x)", "Hendrycks & Gimpel 2016, arXiv 1606.08415"),
    ("sgelu", "0.1*x*erf(x/sqrt(2))", "Yu & Su 2019, arXiv 1911.03925"),
    ("calu", "x*(atan(x)/pi + 0.5)", "survey arXiv 2402.09092 (Cauchy gate)"),
    ("lalu", "0.5*x - 0.5*abs(x)*expm1(-abs(x))", "survey arXiv 2402.09092 (Laplace gate)"),
    ("telu", "x*tanh(exp(x))", "Liu & Di 2020, arXiv 2003.09855 (TanhExp); again 2024, arXiv 2412.20269"),
    ("serf", "x*erf(softplus(x))", "Nag et al. 2021, arXiv 2108.09598"),
    ("smish", "x*tanh(log1p(sigmoid(x)))", "Wang et al. 2022"),
    ("logish", "x*log1p(sigmoid(x))", "Zhu et al. 2021"),
    ("loglogish", "x*cloglog(x)", "survey arXiv 2402.09092"),
    ("gish", "x*log1p(cloglog(x))", "Kaytan et al. 2023, doi 10.1007/s00521-023-09035-5"),
    ("phish", "x*tanh(gelu(x))", "Naveen 2022, TechRxiv 17283824"),
    ("golu", "x*gompertz(x)", "Das et al. 2025; ExpExpish in survey arXiv 2402.09092"),
    ("lisht", "x*tanh(x)", "Roy et al. 2019, arXiv 1901.05894"),
    ("rehsec", "2*x*exp(-abs(x))/(1 + exp(-2*abs(x)))", "Samatin Njikam & Zhao 2016"),
    ("eanaf", "x*sigmoid(x - log(2))", "Chai et al. 2022, Symmetry 14(5):1027"),
    ("sinsig", "x*sin(pi/2*sigmoid(x))", "Douge et al. 2021"),
    ("tsrelu", "x*tanh(sigmoid(x))", "survey arXiv 2402.09092"),
    ("tbsrelu", "x*tanh(tanh(x/2))", "survey arXiv 2402.09092"),
    ("swim", "x/2*(1 + 0.5*x/sqrt(1 + x**2))", "Abdool & Dear 2023, arXiv 2303.02640"),
    ("pflu", "x/2*(1 + x/sqrt(1 + x**2))", "Zhu et al. 2021"),
    ("elish", "sigmoid(x)*elu(x)", "Basirat & Roth 2018, arXiv 1808.00783"),
    ("hard_elish", "elu(x)*max(0, min(1, (x + 1)/2))", "Basirat & Roth 2018, arXiv 1808.00783"),
    ("aptx", "0.5*(1 + tanh(x))*x", "Kumar 2022, arXiv 2209.06119"),
    ("dsilu", "sigmoid(x)*(1 + x*(1 - sigmoid(x)))", "Elfwing et al. 2017, arXiv 1702.03118"),
    ("asilu", "atan(silu(x))", "survey arXiv 2402.09092"),
    ("swat", "x*sigmoid(atan(x))", "Verma, Chug & Singh 2023"),
    (
        "srs",
        "x*sigmoid(x/beta)/(x*sigmoid(x/beta)/alpha + sigmoid(-x/beta)); alpha=2; beta=3",
        "Zhou et al. 2020, arXiv 2003.00547",
    ),
    ("aria", "x*exp(logsigmoid(x)/1.5)", "Patwardhan et al. 2018, arXiv 1805.08878"),
    ("saf", "x*sigmoid(alpha*x + beta); alpha=1; beta=0.5", "survey arXiv 2402.09092 (shifted Swish)"),
    ("tanhsoft1", "tanh(alpha*x)*softplus(x); alpha=0.87", "Biswas et al. 2020, arXiv 2009.03863"),
    ("tanhsoft2", "x*tanh(alpha*exp(beta*x)); alpha=0.6; beta=1", "Biswas et al. 2020, arXiv 2009.03863"),
    ("eis1", "silu(x)*softplus(x)/(silu(x) + 1.16*sigmoid(-x))", "Biswas et al. 2020, arXiv 2009.13501"),
    ("eis2", "x*softplus(x)/sqrt(1 + x**2)", "Biswas et al. 2020, arXiv 2009.13501"),
    ("erfact", "x*erf(alpha*exp(beta*x)); alpha=0.75; beta=0.75", "Biswas et al. 2021, arXiv 2109.04386"),
    ("pserf", "x*erf(alpha*softplus(beta*x)); alpha=1.25; beta=0.85", "Biswas et al. 2021, arXiv 2109.04386"),
    ("smu", "(1.01*x + 0.99*x*erf(0.99*mu*x))/2; mu=2.5", "Biswas et al. 2021, arXiv 2111.04682"),
    ("smu1", "(1.01*x + sqrt(0.9801*x**2 + mu**2))/2; mu=4.332461424154261e-9", "Biswas et al. 2021, arXiv 2111.04682"),
    (
        "acon_c",
        "(alpha - gamma)*x*sigmoid(beta*(alpha - gamma)*x) + gamma*x; alpha=1; beta=1; gamma=0",
        "Ma et al. 2021, arXiv 2009.04759",
    ),
    ("sinlu", "(x + alpha*sin(beta*x))*sigmoid(x)", "Paul et al. 2022, doi 10.3390/math10030337"),
    ("coslu", "(x + alpha*cos(beta*x))*sigmoid(x)", "Pishchik 2023, preprints 202301.0463"),
    # polynomial, rational and learned shapes
    (
        "xielu",
        "alpha*relu(x)**2 + beta*(expm1(-relu(-x)) + relu(-x)) + 0.5*x; alpha=0.8; beta=0.8",
        "Huang & Schlag 2024, arXiv 2411.13010",
    ),
    (
        "polyrelu",
        "alpha*relu(x) + beta*relu(x)**2 + gamma*relu(x)**3; "
        "alpha=0.3333333333333333; beta=0.3333333333333333; gamma=0.3333333333333333",
        "Zhuo et al. 2024, arXiv 2411.03884 (PolyCom)",
    ),
    (
        "pau",
        "(alpha + beta*x + gamma*x**2 + delta*x**3 + epsilon*x**4 + zeta*x**5)"
        "/(1 + abs(eta*x) + abs(theta)*x**2 + abs(kappa*x**3) + abs(mu)*x**4); "
        "alpha=0.0335583603; beta=0.505000375; gamma=1.65343934; delta=2.01001052; epsilon=0.931901999; "
        "zeta=0.152424124; eta=3.30847488e-06; theta=3.98021568; kappa=5.12471206e-07; mu=0.301830109",
        "Molina et al. 2019, arXiv 1907.06732 (as LeakyReLU, its authors' default)",
    ),
    # periodic
    ("siren", "sin(30*x)", "Sitzmann et al. 2020, arXiv 2006.09661"),
    ("sine", "sin(x)", "Sopena et al. 1999; Parascandolo et al. 2017"),
    ("finer", "sin(30*(abs(x) + 1)*x)", "Liu et al. 2024, arXiv 2312.02434"),
    (
        "staf",
        "alpha*sin(x) + beta*sin(gamma*x + delta); alpha=0.7071067811865476; beta=0.7071067811865476; "
        "gamma=2; delta=0",
        "Morsali et al. 2025, arXiv 2502.00869 (two sinusoids)",
    ),
    ("snake", "x + sin(alpha*x)**2/alpha; alpha=1", "Ziyin et al. 2020, arXiv 2006.08195"),
    ("gcu", "x*cos(x)", "Noel et al. 2021, arXiv 2108.12943"),
    ("asu", "x*sin(x)", "amplifying sine unit"),
    ("cosid", "cos(x) - x", "Ramachandran et al. 2017, arXiv 1710.05941; Eger et al. 2019"),
    ("minsin", "min(x, sin(x))", "Ramachandran et al. 2017, arXiv 1710.05941"),
    # others of the searches
    ("atan_sq_minus_x", "atan(x)**2 - x", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("max_sigmoid", "max(x, sigmoid(x))", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("max_tanh", "max(x, tanh(x))", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("sinc_plus_x", "sinc(x) + x", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("x_asinh_sq", "x*asinh(x)**2", "Ramachandran et al. 2017, arXiv 1710.05941"),
    ("gaussian", "gaussian(x)", "radial basis functions"),
    ("gaussian_width", "gaussian(x/alpha); alpha=0.1", "Ramasinghe & Lucey 2022, arXiv 2111.15135"),
    ("wire", "cos(20*x)*exp(-(10*x)**2)", "Saragadam et al. 2023, arXiv 2301.05187 (real part)"),
    ("sinc", "sinc(x)", "Saratchandran et al. 2024, arXiv 2402.05427"),
    # Kolmogorov-Arnold bases without splines, one edge each
    (
        "chebykan",
        "alpha*tanh(x) + beta*(2*tanh(x)**2 - 1) + gamma*(4*tanh(x)**3 - 3*tanh(x)); beta=0.25; gamma=0.25",
        "SS et al. 2024, arXiv 2405.07200 (degree 3)",
    ),
    (
        "fastkan",
        "alpha*gaussian(sqrt(2)*(x + 1)) + beta*gaussian(sqrt(2)*x) + gamma*gaussian(sqrt(2)*(x - 1)) + delta*silu(x); "
        "alpha=-0.5; beta=0.25; gamma=0.5",
        "Li 2024, arXiv 2405.06721 (three radial functions)",
    ),
    (
        "fourierkan",
        "alpha*cos(x) + beta*sin(x) + gamma*cos(2*x) + delta*sin(2*x); alpha=0.5; beta=0.5; gamma=0.25; delta=0.25",
        "Xu et al. 2024, arXiv 2406.01034 (two frequencies)",
    ),
    ("ncu", "x - x**3", "non-monotonic cubic unit"),
    ("squ", "x**2 + x", "shifted quadratic unit"),
    ("aqua_c100", "-silu(x)*max(0, min(1, 0.2*x + 0.5))", "Bingham & Miikkulainen 2023, arXiv 2301.05785"),
    ("gelusine", "gelu(x) + 0.1*sin(x)", "Vitvitskyi et al. 2026, arXiv 2602.05688"),
    ("gelusinc", "gelu(x)*(1 + 0.5*sinc(pi*x))", "Vitvitskyi et al. 2026, arXiv 2602.05688"),
    ("gmtu", "tanh(1.5*x)*exp(-0.2*x**2) + 0.1*x", "Vitvitskyi et al. 2026, arXiv 2602.05688"),
    ("taaf_tanh", "alpha*tanh(beta*x + gamma) + delta; delta=0; gamma=0", "Kunc & Klema 2021, PLoS ONE 16(1):e0243915"),
    ("soft_plus_plus", "softplus(x) + x/2 - log(2)", "Ciuparu et al. 2020"),
    ("soft_modulus", "x*tanh(x/0.01)", "Valles-Perez et al. 2023"),
    ("symlog", "symlog(x)", "Hafner et al. 2023, arXiv 2301.04104 (DreamerV3)"),
    ("symexp", "symexp(x)", "Hafner et al. 2023, arXiv 2301.04104 (DreamerV3)"),
    ("turbulent_base", "symlog(x/2)", "pointwise base of Turbulent, arXiv 2602.05688"),
)  # fmt: skip

BASELINES = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "crrelu")
ALIASES = {
    "tanhexp": "telu", "expexpish": "golu", "swish1": "silu", "swish_1": "silu",
    "relu2": "squared_relu", "pau54": "pau",
    "polyrelu3": "polyrelu", "arctan": "atan", "x": "identity",
}  # fmt: skip
"""What else they are called."""

_TEXTS = {name: (text, citation) for name, text, citation in _ENTRIES}


@cache
def reference(name: str) -> Reference:
    """Return one reference activation.

    Raises:
        KeyError: there is none of that name.
    """
    text, citation = _TEXTS[name]
    return Reference(name, parse(text), citation)


def library_names() -> tuple[str, ...]:
    """Return the names of the reference activations, of which none is read."""
    return tuple(_TEXTS)


def library() -> dict[str, Reference]:
    """Return the reference activations by name, the baselines first."""
    return {name: reference(name) for name in _TEXTS}
