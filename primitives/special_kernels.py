"""Kernels of :mod:`primitives.special`, in torch; those that only call what numpy and jax have too are respelled."""

from __future__ import annotations

SECH = '''\
def sech(x):
    """Return 1/cosh(x), of an exponential that only falls."""
    decay = torch.exp(-torch.abs(x))
    return 2 * decay / (1 + decay * decay)
'''

LOGCOSH = '''\
def logcosh(x):
    """Return log(cosh(x)), from where it cancels by sinh, beyond by its straight line."""
    size = torch.abs(x)
    near = size < 1
    half = torch.sinh(torch.where(near, x, 1.0) / 2)
    far = size + torch.log1p(torch.exp(-2 * size)) - 0.6931471805599453
    return torch.where(near, torch.log1p(2 * half * half), far)
'''

CBRT = '''\
def cbrt(x):
    """Return the real cube root."""
    return torch.copysign(x.abs() ** (1 / 3), x)
'''

LAMBERTW = '''\
def lambertw(x):
    """Return the principal branch of Lambert's W: its series near -1/e, else three steps of Halley's."""
    p = torch.sqrt(2 * (2.718281828459045 * x + 1))
    tail = 11 / 72 - p * (43 / 540 - p * (769 / 17280 - p * 221 / 8505))
    series = p * (1 - p * (1 / 3 - p * tail)) - 1
    size = torch.log1p(torch.where(x < -0.2, 1.0, x))
    w = size * (1 - torch.log1p(size) / (2 + size))
    w = torch.where(x < -0.2, torch.where(p < 0.01, -0.5, series), w)
    for _ in range(3):
        e = torch.exp(w)
        off = w - x / e
        w = w - off / (1 + w - (w + 2) * off / (2 * w + 2))
    return torch.where(p < 0.01, series, torch.where(torch.isinf(x), x, w))
'''
"""Its step divides by ``exp(w)`` first, which keeps it finite where ``w*exp(w)`` would overflow."""

SERIES = '''\
def chebyshev_series(u, coefficients):
    """Return a sum of Chebyshev polynomials by Clenshaw's rule."""
    one, two = torch.zeros_like(u), torch.zeros_like(u)
    for coefficient in coefficients[:0:-1]:
        one, two = coefficient + 2 * u * one - two, one
    return coefficients[0] + u * one - two
'''

_TERMS = 20


def _hankel(order: int) -> str:
    """Return the coefficients of Hankel's asymptotic series (Abramowitz & Stegun 9.2.9), as Python."""
    found = [1.0]
    for k in range(1, _TERMS):
        found.append(found[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    rows = "".join(f"    {value!r},\n" for value in found)
    return f"HANKEL_{order} = [\n{rows}]\n"


HANKEL = f"""\
{_hankel(0)}{_hankel(1)}

def hankel_series(size, coefficients):
    \"\"\"Return both of Hankel's series, in powers of 1/size.\"\"\"
    p, q = torch.zeros_like(size), torch.zeros_like(size)
    square = -1 / (size * size)
    for even, odd in zip(coefficients[-2::-2], coefficients[-1::-2]):
        p, q = even + square * p, odd + square * q
    return p, q / size
"""

J0 = '''\
BESSEL_J0 = [
    0.029463999590973726, -0.11010843052990106, 0.02553425776878477,
    -0.16951592398218499, 0.022200378167043643, -0.069024531964911387,
    0.22791497667500515, -0.20555471383991031, 0.099864261850343208,
    -0.031913936886925023, 0.0073852630859651139, -0.0013103792567849537,
    0.00018523589254524584, -2.1448541310698738e-05, 2.0777662537973135e-06,
    -1.7123343976994822e-07, 1.2169995467604185e-08, -7.5444625408153813e-10,
    4.1188593289172724e-11, -1.9967610937657387e-12, 8.6576509399385521e-14,
    -3.3786726281226622e-15, 1.1934417264336173e-16, -3.834808224744028e-18,
]


def bessel_j0(x):
    """Return J0, by a series up to 16 and by Hankel's beyond; torch's own has 7 digits."""
    near = torch.abs(x) < 16
    u = torch.where(near, x, 0.0) ** 2 / 128 - 1
    size = torch.where(near, 16.0, torch.abs(x))
    p, q = hankel_series(size, HANKEL_0)
    sine, cosine = torch.sin(size), torch.cos(size)
    far = (p * (cosine + sine) - q * (sine - cosine)) / torch.sqrt(torch.pi * size)
    return torch.where(near, chebyshev_series(u, BESSEL_J0), far)
'''

J1_RATIO = '''\
BESSEL_J1 = [
    0.042259107427962128, -0.074449335275603878, 0.081077326401864852,
    -0.072853444165054834, 0.065185208528535002, -0.070078396894174375,
    0.054400125409017605, -0.027344338767610915, 0.0094350317565372235,
    -0.0023782733050251117, 0.0004592370070895608, -7.037859066101349e-05,
    8.7941375697329177e-06, -9.1513095654630384e-07, 8.0667662261556028e-08,
    -6.1082205099792558e-09, 4.019873693927925e-10, -2.3222776177163183e-11,
    1.187796911975406e-12, -5.4192452003526783e-14, 2.2200125519986062e-15,
    -8.2133628910832138e-17, 2.7586397931092898e-18,
]


def j1_ratio(x):
    """Return J1(x)/x with its limit 1/2 at zero, as J0."""
    near = torch.abs(x) < 16
    u = torch.where(near, x, 0.0) ** 2 / 128 - 1
    size = torch.where(near, 16.0, torch.abs(x))
    p, q = hankel_series(size, HANKEL_1)
    sine, cosine = torch.sin(size), torch.cos(size)
    far = (p * (sine - cosine) + q * (sine + cosine)) / torch.sqrt(torch.pi * size)
    return torch.where(near, chebyshev_series(u, BESSEL_J1), far / size)
'''

J2_RATIO = '''\
def j2_ratio(x):
    """Return J2(x)/x, by its series where the recurrence would cancel."""
    near = torch.abs(x) < 1
    far, z = torch.where(near, 1.0, x), torch.where(near, x, 0.0) ** 2 / 4
    series = 1 - z / 3 * (1 - z / 8 * (1 - z / 15 * (1 - z / 24 * (1 - z / 35))))
    return torch.where(near, x / 8 * series, (2 * j1_ratio(far) - bessel_j0(far)) / far)
'''

NUMPY_J1_RATIO = '''\
def j1_ratio(x):
    """Return J1(x)/x with its limit 1/2 at zero."""
    zero = x == 0
    return np.where(zero, 0.5, scipy.special.j1(x) / np.where(zero, 1.0, x))
'''

NUMPY_J2_RATIO = '''\
def j2_ratio(x):
    """Return J2(x)/x with its limit 0 at zero."""
    zero = x == 0
    return np.where(zero, 0.0, scipy.special.jv(2, x) / np.where(zero, 1.0, x))
'''


def in_numpy(source: str) -> str:
    """Return a helper in numpy."""
    return source.replace("torch.", "np.")


def in_jax(source: str) -> str:
    """Return a helper in jax."""
    return source.replace("torch.", "jnp.")
