"""Kernels that no library has ready-made: source that generated files carry along where they use it."""

from __future__ import annotations

FUSES = '''\
def fuses(x):
    """Tell whether torch.compile is making CPU code, where its own functions are slow."""
    exporting = torch.compiler.is_exporting()
    return x.device.type == "cpu" and torch.compiler.is_compiling() and not exporting
'''

TANH = '''\
def fused_tanh(x):
    """Return tanh; inside torch.compile on a CPU spelled out, which takes half the time."""
    if not fuses(x):
        return torch.tanh(x)
    decay, square = torch.exp(-2 * x.abs()), x * x
    series = x * (1 - square * (1 / 3 - square * (2 / 15 - square * 17 / 315)))
    quotient = torch.copysign((1 - decay) / (1 + decay), x)
    return torch.where(x.abs() < 0.02, series, quotient)
'''
"""The quotient cancels near zero: the series takes over where both are right to 1e-6 in float32, 1e-14 in float64."""

LOG1P = '''\
def fused_log1p(x):
    """Return log1p; inside torch.compile on a CPU from log and what rounding 1 + x lost."""
    if not fuses(x):
        return torch.log1p(x)
    whole = 1 + x
    lost = (x - (whole - 1)) / whole
    return torch.log(whole) + torch.where((x > -1) & (x < 1e8), lost, 0.0)
'''

SOFTPLUS = '''\
def fused_softplus(x):
    """Return softplus; inside torch.compile on a CPU spelled out, which is faster."""
    if not fuses(x):
        return F.softplus(x, threshold=40)
    return torch.relu(x) + fused_log1p(torch.exp(-x.abs()))
'''

ASINH = '''\
def fast_asinh(x):
    """Return asinh from vectorised operations, several times faster than torch's loop."""
    tiny = x.abs() < 1e-10
    size = torch.where(tiny, 1.0, x.abs())
    inverse = 1 / size
    far = fused_log1p(size + size / (inverse + torch.sqrt(1 + inverse * inverse)))
    return torch.where(tiny, x, torch.copysign(far, x))
'''

EXPM1 = '''\
def fused_expm1(x):
    """Return expm1; spelled out for ONNX, and for torch.compile on a CPU, where that is faster."""
    if not fuses(x) and not torch.onnx.is_in_onnx_export():
        return torch.expm1(x)
    rest = 1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7)))
    series = x * (1 + x / 2 * (1 + x / 3 * rest))
    return torch.where(x.abs() < 0.05, series, torch.exp(x) - 1)
'''

ELU = '''\
def fused_elu(x):
    """Return elu; inside torch.compile on a CPU spelled out, which takes half the time."""
    if not fuses(x):
        return F.elu(x)
    return torch.where(x > 0, x, fused_expm1(x.clamp(max=0)))
'''

CAPPED_EXP = '''\
def capped_exp(x):
    """Return exp, but finite where something around it has long saturated."""
    return torch.exp(x.clamp(max=690 if x.dtype == torch.float64 else 80))
'''

SYMLOG = '''\
def symlog(x):
    """Return sign(x)*log(1 + |x|), which torch can differentiate at 0 as well."""
    zero = x == 0
    size = torch.log1p(torch.where(zero, 1.0, x.abs()))
    return torch.where(zero, x, torch.copysign(size, x))
'''

SYMEXP = '''\
def symexp(x):
    """Return sign(x)*(exp(|x|) - 1), which torch can differentiate at 0 as well."""
    zero = x == 0
    size = torch.expm1(torch.where(zero, 1.0, x.abs()))
    return torch.where(zero, x, torch.copysign(size, x))
'''

SINC = '''\
def sinc(x):
    """Return sin(x)/x, by its series near zero, where torch's own derivative cancels."""
    near = x.abs() < 0.5
    far, z = torch.where(near, 1.0, x), torch.where(near, x, 0.0) ** 2
    series = 1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110))))
    return torch.where(near, series, torch.sin(far) / far)
'''

SINC_SLOPE = '''\
def sinc_slope(x):
    """Return the derivative of sin(x)/x, by its series where the quotient would cancel."""
    near = x.abs() < 0.5
    far, z = torch.where(near, 1.0, x), torch.where(near, x, 0.0) ** 2
    series = 1 - z / 28 * (1 - z / 54 * (1 - z / 88 * (1 - z / 130 * (1 - z / 180))))
    series = -x / 3 * (1 - z / 10 * series)
    return torch.where(near, series, (torch.cos(far) - torch.sin(far) / far) / far)
'''

SINC_DERIVATIVE = '''\
def sinc_derivative(x, order):
    """Return a derivative of sin(x)/x: near zero by its series, else from those of lower order."""
    near = x.abs() < 2
    far, z = torch.where(near, 1.0, x), torch.where(near, x, 0.0)
    found = torch.sin(far) / far
    for number in range(1, order + 1):
        found = (torch.sin(far + number * torch.pi / 2) - number * found) / far
    first = order % 2  # the lowest power that is left, and its coefficient
    term = (-1) ** ((order + 1) // 2) * (z if first else torch.ones_like(z))
    series = torch.zeros_like(x)
    for power in range(first, 28, 2):
        series = series + term / (power + order + 1)
        term = -term * z * z / ((power + 1) * (power + 2))
    return torch.where(near, series, found)
'''

NUMPY_SINC_DERIVATIVE = (
    SINC_DERIVATIVE.replace("torch.pi", "np.pi").replace("x.abs()", "np.abs(x)").replace("torch.", "np.")
)

BESSEL_RATIO = '''\
def bessel_ratio(x, order):
    """Return exp(-|x|) In(x)/x^n: near zero by its series, else from those of lower order."""
    near = x.abs() < 3
    far, z = torch.where(near, 8.0, x), (torch.where(near, x, 0.0) / 2) ** 2
    below = torch.special.i0e(far) if order > 1 else None
    found, first = torch.special.i1e(far) / far, 0.5
    for number in range(1, order):
        below, found = found, (below - 2 * number * found) / far / far
        first = first / (2 * number + 2)
    series = term = torch.full_like(x, first)
    for number in range(1, 16):
        term = term * z / (number * (number + order))
        series = series + term
    return torch.where(near, torch.exp(-x.abs()) * series, found)
'''

NUMPY_BESSEL_RATIO = (
    BESSEL_RATIO.replace("x.abs()", "np.abs(x)").replace("torch.special", "scipy.special").replace("torch.", "np.")
)
JAX_BESSEL_RATIO = (
    BESSEL_RATIO.replace("-x.abs()", "-x * jnp.sign(x)")
    .replace("x.abs()", "jnp.abs(x)")
    .replace("torch.special", "jax.scipy.special")
    .replace("torch.", "jnp.")
)

SQUAREPLUS = '''\
def squareplus(x):
    """Return (x + sqrt(x^2 + 4))/2, the other way round where the sum would cancel."""
    root = torch.sqrt(x * x + 4)
    return torch.where(x < 0, 2 / (root + x.abs()), (x + root) / 2)
'''

MISH = '''\
def mish(x):
    """Return x*tanh(softplus(x)), which is rational in exp(x)."""
    e = torch.exp(x.clamp(max=20))
    n = e * (e + 2)
    return x * (n / (n + 2))
'''

MISH_SLOPE = '''\
def mish_slope(x):
    """Return the derivative of mish, rational in exp(x)."""
    x = x.clamp(max=20)
    e = torch.exp(x)
    n = e * (e + 2)
    return n / (n + 2) + x * (4 * e * (e + 1) / (n + 2) ** 2)
'''

GUMBEL = '''\
def gumbel(x):
    """Return exp(-x - exp(-x)), which is 0 to any precision below -20."""
    x = x.clamp(min=-20)
    return torch.exp(-x - torch.exp(-x))
'''

_GUMBEL = GUMBEL.replace("x.clamp(min=-20)", "torch.maximum(x, -20)")
GUMBELS = (
    ("torch", GUMBEL),
    ("numpy", _GUMBEL.replace("torch.", "np.")),
    ("jax", _GUMBEL.replace("torch.", "jnp.")),
)

NUMPY_SINC_SLOPE = '''\
def sinc_slope(x):
    """Return the derivative of sin(x)/x, by its series where the quotient would cancel."""
    near = np.abs(x) < 0.5
    far, z = np.where(near, 1.0, x), np.where(near, x, 0.0) ** 2
    series = 1 - z / 28 * (1 - z / 54 * (1 - z / 88 * (1 - z / 130 * (1 - z / 180))))
    series = -x / 3 * (1 - z / 10 * series)
    return np.where(near, series, (np.cos(far) - np.sin(far) / far) / far)
'''

NUMPY_MISH_SLOPE = '''\
def mish_slope(x):
    """Return the derivative of mish, rational in exp(x)."""
    x = np.minimum(x, 20)
    e = np.exp(x)
    n = e * (e + 2)
    return n / (n + 2) + x * (4 * e * (e + 1) / (n + 2) ** 2)
'''

JAX_SINC_DERIVATIVE = NUMPY_SINC_DERIVATIVE.replace("np.", "jnp.")
JAX_SINC_SLOPE = NUMPY_SINC_SLOPE.replace("np.", "jnp.")
MISH_SLOPES = (("torch", MISH_SLOPE), ("numpy", NUMPY_MISH_SLOPE), ("jax", NUMPY_MISH_SLOPE.replace("np.", "jnp.")))

JAX_GELU_SLOPE = '''\
def gelu_slope(x):
    """Return the derivative of gelu."""
    density = jnp.exp(-0.5 * x**2) / (2 * jnp.pi) ** 0.5
    return 0.5 * jax.scipy.special.erfc(-x / 2**0.5) + x * density
'''
