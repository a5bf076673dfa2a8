"""Published activation functions written with mpmath straight from their formulas, to test the library against.

Every function takes an mpmath number and is exact to the working precision at the initial parameter values. A
decimal constant stands for the nearest double, as it does in the library's evaluators.
"""

from collections.abc import Callable

from mpmath import mp, mpf
from torch import float64, nn

Function = Callable[[mpf], mpf]

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
SMU1_MU = 4.332461424154261e-9
PAU_TOP = (3.35583603e-02, 5.05000375e-01, 1.65343934e00, 2.01001052e00, 9.31901999e-01, 1.52424124e-01)
PAU_BOTTOM = (3.30847488e-06, 3.98021568e00, 5.12471206e-07, 3.01830109e-01)


def relu(x: mpf) -> mpf:
    return max(x, mpf(0))


def clip(x: mpf, low: int, high: int) -> mpf:
    return min(max(x, mpf(low)), mpf(high))


def sigmoid(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def softplus(x: mpf) -> mpf:
    return mp.log1p(mp.exp(x))


def gelu(x: mpf) -> mpf:
    return x * mp.ncdf(x)


def gelu_tanh(x: mpf) -> mpf:
    # (1 + tanh u) / 2 is the sigmoid of 2u, which keeps its digits where tanh u is close to -1
    return x * sigmoid(2 * mp.sqrt(2 / mp.pi) * (x + 0.044715 * x**3))


def elu(x: mpf) -> mpf:
    return x if x >= 0 else mp.expm1(x)


def silu(x: mpf) -> mpf:
    return x * sigmoid(x)


def swim(x: mpf, a: float) -> mpf:
    return x / 2 * (1 + a * x / mp.sqrt(1 + x**2))


def sqnl(x: mpf) -> mpf:
    if abs(x) > 2:
        return mp.sign(x)
    return x - x**2 / 4 if x >= 0 else x + x**2 / 4


def plu(x: mpf) -> mpf:
    return max(0.1 * (x + 1) - 1, min(0.1 * (x - 1) + 1, x))


def laplace_cdf(x: mpf) -> mpf:
    return 1 - mp.exp(-x) / 2 if x >= 0 else mp.exp(x) / 2


def serlu(x: mpf) -> mpf:
    return 1.07862 * x if x >= 0 else mpf(1.07862) * 2.90427 * x * mp.exp(x)


def smu(x: mpf) -> mpf:
    rest = 1 - mpf(0.01)
    return ((1 + mpf(0.01)) * x + rest * x * mp.erf(2.5 * rest * x)) / 2


def smu1(x: mpf) -> mpf:
    return ((1 + mpf(0.01)) * x + mp.sqrt(((1 - mpf(0.01)) * x) ** 2 + mpf(SMU1_MU) ** 2)) / 2


def xielu(x: mpf) -> mpf:
    return 0.8 * x**2 + 0.5 * x if x > 0 else 0.8 * (mp.expm1(x) - x) + 0.5 * x


def polyrelu(x: mpf) -> mpf:
    return (relu(x) + relu(x) ** 2 + relu(x) ** 3) / 3


def pau(x: mpf) -> mpf:
    top = mp.fsum(a * x**power for power, a in enumerate(PAU_TOP))
    return top / (1 + mp.fsum(abs(b) * abs(x) ** power for power, b in enumerate(PAU_BOTTOM, start=1)))


def gmtu(x: mpf) -> mpf:
    return mp.tanh(1.5 * x) * mp.exp(-0.2 * x**2) + 0.1 * x


TEXTBOOK: dict[str, Function] = {
    "identity": lambda x: x,
    # Sigmoids and other bounded or slowly growing curves
    "sigmoid": sigmoid,
    "tanh": mp.tanh,
    "scaled_tanh": lambda x: 1.7159 * mp.tanh(2 * x / 3),
    "atan": mp.atan,
    "asinh": mp.asinh,
    "erf": mp.erf,
    "softsign": lambda x: x / (1 + abs(x)),
    "elliott": lambda x: x / (1 + abs(x)) / 2 + 0.5,
    "isru": lambda x: x / mp.sqrt(1 + x**2),
    "isrlu": lambda x: x if x >= 0 else x / mp.sqrt(1 + x**2),
    "sqnl": sqnl,
    "hardtanh": lambda x: clip(x, -1, 1),
    "hardsigmoid": lambda x: clip((x + 3) / 6, 0, 1),
    "logsigmoid": lambda x: -softplus(-x),
    "taaf_tanh": lambda x: 1 * mp.tanh(1 * x + 0) + 0,
    "symlog": lambda x: mp.sign(x) * mp.log1p(abs(x)),
    "symexp": lambda x: mp.sign(x) * mp.expm1(abs(x)),
    "turbulent_base": lambda x: mp.sign(x) * mp.log1p(abs(x) / 2),
    # Smooth ramps
    "softplus": softplus,
    "softplus_beta": softplus,
    "soft_plus_plus": lambda x: softplus(x) + x / 2 - mp.log(2),
    "squareplus": lambda x: (x + mp.sqrt(x**2 + 4)) / 2,
    "bent_identity": lambda x: (mp.sqrt(x**2 + 1) - 1) / 2 + x,
    "blu": lambda x: 0.1 * (mp.sqrt(x**2 + 1) - 1) + x,
    # Rectifiers
    "relu": relu,
    "leaky_relu": lambda x: max(x, 0.01 * x),
    "prelu": lambda x: x if x >= 0 else 0.25 * x,
    "relu6": lambda x: clip(x, 0, 6),
    "shifted_relu": lambda x: max(x, mpf(-1)),
    "abs": abs,
    "squared_relu": lambda x: relu(x) ** 2,
    "star_relu": lambda x: 0.8944 * relu(x) ** 2 - 0.4472,
    "recu": lambda x: relu(x) ** 3,
    "polyrelu": polyrelu,
    "nlrelu": lambda x: mp.log1p(relu(x)),
    "plu": plu,
    "vlu": lambda x: relu(x) + mp.sin(x),
    "sine_relu": lambda x: x if x >= 0 else 0.0025 * (mp.sin(x) - mp.cos(x)),
    "crrelu": lambda x: relu(x) + 0.01 * x * mp.exp(-(x**2) / 2),
    "hardshrink": lambda x: x if abs(x) > 0.5 else mpf(0),
    "softshrink": lambda x: mp.sign(x) * relu(abs(x) - 0.5),
    "tanhshrink": lambda x: x - mp.tanh(x),
    "soft_modulus": lambda x: x * mp.tanh(x / mpf(0.01)),
    # Exponential units
    "elu": elu,
    "selu": lambda x: SELU_SCALE * (x if x >= 0 else SELU_ALPHA * mp.expm1(x)),
    "celu": elu,
    "pelu": elu,
    "serlu": serlu,
    "elish": lambda x: elu(x) * sigmoid(x),
    "hard_elish": lambda x: elu(x) * clip((x + 1) / 2, 0, 1),
    "xielu": xielu,
    # Gated identities
    "silu": silu,
    "swish": silu,
    "e_swish": lambda x: 1.5 * silu(x),
    "hardswish": lambda x: x * clip(x + 3, 0, 6) / 6,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "quick_gelu": lambda x: x * sigmoid(1.702 * x),
    "sgelu": lambda x: 0.1 * x * mp.erf(x / mp.sqrt(2)),
    "calu": lambda x: x * (mp.atan(x) / mp.pi + 0.5),
    "lalu": lambda x: x * laplace_cdf(x),
    "mish": lambda x: x * mp.tanh(softplus(x)),
    "telu": lambda x: x * mp.tanh(mp.exp(x)),
    "serf": lambda x: x * mp.erf(softplus(x)),
    "smish": lambda x: x * mp.tanh(mp.log1p(sigmoid(x))),
    "logish": lambda x: x * mp.log1p(sigmoid(x)),
    "loglogish": lambda x: -x * mp.expm1(-mp.exp(x)),
    "gish": lambda x: x * mp.log1p(-mp.expm1(-mp.exp(x))),
    "phish": lambda x: x * mp.tanh(gelu(x)),
    "golu": lambda x: x * mp.exp(-mp.exp(-x)),
    "lisht": lambda x: x * mp.tanh(x),
    "rehsec": lambda x: x * mp.sech(x),
    "eanaf": lambda x: x * mp.exp(x) / (mp.exp(x) + 2),
    "sinsig": lambda x: x * mp.sin(mp.pi / 2 * sigmoid(x)),
    "tsrelu": lambda x: x * mp.tanh(sigmoid(x)),
    "tbsrelu": lambda x: x * mp.tanh((1 - mp.exp(-x)) / (1 + mp.exp(-x))),
    "swim": lambda x: swim(x, 0.5),
    "pflu": lambda x: swim(x, 1),
    "aptx": lambda x: x * sigmoid(2 * x),  # (1 + tanh x) / 2 is the sigmoid of 2x
    "dsilu": lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
    "asilu": lambda x: mp.atan(silu(x)),
    "swat": lambda x: x * sigmoid(mp.atan(x)),
    "srs": lambda x: x / (x / 2 + mp.exp(-x / 3)),
    "aria": lambda x: x * sigmoid(x) ** (1 / mpf(1.5)),
    "saf": lambda x: x * sigmoid(x + 0.5),
    "tanhsoft1": lambda x: mp.tanh(0.87 * x) * softplus(x),
    "tanhsoft2": lambda x: x * mp.tanh(0.6 * mp.exp(x)),
    "eis1": lambda x: x * softplus(x) / (x + 1.16 * mp.exp(-x)),
    "eis2": lambda x: x * softplus(x) / mp.sqrt(1 + x**2),
    "erfact": lambda x: x * mp.erf(0.75 * mp.exp(0.75 * x)),
    "pserf": lambda x: x * mp.erf(1.25 * softplus(0.85 * x)),
    "smu": smu,
    "smu1": smu1,
    "acon_c": silu,
    "sinlu": lambda x: (x + mp.sin(x)) * sigmoid(x),
    "coslu": lambda x: (x + mp.cos(x)) * sigmoid(x),
    "gelusine": lambda x: gelu(x) + 0.1 * mp.sin(x),
    "gelusinc": lambda x: gelu(x) * (1 + mp.sincpi(x) / 2),
    "aqua_c100": lambda x: -silu(x) * clip((x + 2.5) / 5, 0, 1),
    # Waves, polynomials, quotients and the rest
    "pau": pau,
    "siren": lambda x: mp.sin(30 * x),
    "sine": mp.sin,
    "finer": lambda x: mp.sin(30 * (abs(x) + 1) * x),
    "staf": lambda x: (mp.sin(x) + mp.sin(2 * x)) * mpf(0.7071067811865476),
    "snake": lambda x: x + mp.sin(x) ** 2,
    "gcu": lambda x: x * mp.cos(x),
    "asu": lambda x: x * mp.sin(x),
    "cosid": lambda x: mp.cos(x) - x,
    "minsin": lambda x: min(x, mp.sin(x)),
    "atan_sq_minus_x": lambda x: mp.atan(x) ** 2 - x,
    "max_sigmoid": lambda x: max(x, sigmoid(x)),
    "max_tanh": lambda x: max(x, mp.tanh(x)),
    "sinc_plus_x": lambda x: mp.sinc(x) + x,
    "x_asinh_sq": lambda x: x * mp.asinh(x) ** 2,
    "gaussian": lambda x: mp.exp(-(x**2) / 2),
    "gaussian_width": lambda x: mp.exp(-((x / mpf(0.1)) ** 2) / 2),
    "wire": lambda x: (mp.exp(20j * x) * mp.exp(-((10 * x) ** 2))).real,
    "sinc": mp.sinc,
    "chebykan": lambda x: sum(c * mp.chebyt(n, mp.tanh(x)) for n, c in ((1, 1), (2, 0.25), (3, 0.25))),
    "fastkan": lambda x: (
        sum(c * mp.exp(-((x - at) ** 2)) for at, c in ((-1, -0.5), (0, 0.25), (1, 0.5))) + x * sigmoid(x)
    ),
    "fourierkan": lambda x: sum(a * mp.cos(k * x) + b * mp.sin(k * x) for k, a, b in ((1, 0.5, 0.5), (2, 0.25, 0.25))),
    "ncu": lambda x: x - x**3,
    "squ": lambda x: x**2 + x,
    "gmtu": gmtu,
}

# Where the value or the slope jumps at the initial parameter values.
KINKS: dict[str, tuple[float, ...]] = {
    "hardtanh": (-1.0, 1.0),
    "hardsigmoid": (-3.0, 3.0),
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "prelu": (0.0,),
    "relu6": (0.0, 6.0),
    "shifted_relu": (-1.0,),
    "abs": (0.0,),
    "polyrelu": (0.0,),
    "nlrelu": (0.0,),
    "plu": (-1.0, 1.0),
    "vlu": (0.0,),
    "sine_relu": (0.0,),  # the value itself jumps, by 0.0025
    "crrelu": (0.0,),
    "hardshrink": (-0.5, 0.5),  # the value itself jumps, by 0.5
    "softshrink": (-0.5, 0.5),
    "selu": (0.0,),
    "serlu": (0.0,),
    "hard_elish": (-1.0, 1.0),
    "hardswish": (-3.0, 3.0),
    "aqua_c100": (-2.5, 2.5),
    "pau": (0.0,),  # the slope jumps by 2e-7 only: the linear term of the denominator is nearly zero
    "max_sigmoid": (0.6590460684074066,),  # where x equals sigmoid(x)
}

# The learnable parameters' initial values, in ascending order.
PARAMETERS: dict[str, tuple[float, ...]] = {
    "softplus_beta": (1.0,),
    "taaf_tanh": (0.0, 0.0, 1.0, 1.0),
    "blu": (0.1,),
    "prelu": (0.25,),
    "star_relu": (-0.4472, 0.8944),
    "polyrelu": (1 / 3, 1 / 3, 1 / 3),
    "vlu": (1.0, 1.0),
    "crrelu": (0.01,),
    "pelu": (1.0, 1.0),
    "xielu": (0.8, 0.8),
    "swish": (1.0,),
    "srs": (2.0, 3.0),
    "saf": (0.5, 1.0),
    "tanhsoft1": (0.87,),
    "tanhsoft2": (0.6, 1.0),
    "erfact": (0.75, 0.75),
    "pserf": (0.85, 1.25),
    "smu": (2.5,),
    "smu1": (SMU1_MU,),
    "acon_c": (0.0, 1.0, 1.0),
    "sinlu": (1.0, 1.0),
    "coslu": (1.0, 1.0),
    "pau": tuple(sorted(PAU_TOP + PAU_BOTTOM)),
    "snake": (1.0,),
    "staf": (0.0, 0.7071067811865476, 0.7071067811865476, 2.0),
    "gaussian_width": (0.1,),
    "chebykan": (0.25, 0.25, 1.0),
    "fastkan": (-0.5, 0.25, 0.5, 1.0),
    "fourierkan": (0.25, 0.25, 0.5, 0.5),
}

# What torch implements itself.
TORCH: dict[str, nn.Module] = {
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "softsign": nn.Softsign(),
    "hardtanh": nn.Hardtanh(),
    "hardsigmoid": nn.Hardsigmoid(),
    "logsigmoid": nn.LogSigmoid(),
    "softplus": nn.Softplus(threshold=40),
    "softplus_beta": nn.Softplus(beta=1, threshold=40),
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(0.01),
    "prelu": nn.PReLU(init=0.25, dtype=float64),
    "relu6": nn.ReLU6(),
    "hardshrink": nn.Hardshrink(0.5),
    "softshrink": nn.Softshrink(0.5),
    "tanhshrink": nn.Tanhshrink(),
    "elu": nn.ELU(1.0),
    "selu": nn.SELU(),
    "celu": nn.CELU(1.0),
    "silu": nn.SiLU(),
    "swish": nn.SiLU(),
    "hardswish": nn.Hardswish(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "mish": nn.Mish(),
}
