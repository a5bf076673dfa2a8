"""What functions are called elsewhere: words of papers, of torch, numpy and jax, in our own infix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from primitives.reading.settings import GELU_TANH, LEAKY_RELU, SETTINGS
from primitives.references import ALIASES, library_names
from primitives.table import all_primitives, synonyms

NAMESPACES = frozenset(
    ("torch", "nn", "F", "functional", "np", "numpy", "jnp", "jax", "math", "Math", "cmath", "sympy", "sp", "scipy",
     "special", "tf", "keras", "K", "sc", "mx", "mpmath", "linalg", "layers", "activations", "ops", "lax", "flax",
     "tl", "triton", "libdevice", "timm", "transformers")
)  # fmt: skip
"""What may stand before a dot: modules whose functions are called as ours are."""

ELSEWHERE = {
    "expit": "sigmoid({0})", "logistic": "sigmoid({0})", "sigma": "sigmoid({0})", "sigm": "sigmoid({0})",
    "logsig": "logsigmoid({0})", "log_expit": "logsigmoid({0})", "logexpit": "logsigmoid({0})",
    "Phi": "(1 + erf({0}/sqrt(2)))/2", "normcdf": "(1 + erf({0}/sqrt(2)))/2", "ndtr": "(1 + erf({0}/sqrt(2)))/2",
    "phi": "exp(-{0}**2/2)/sqrt(2*pi)", "normpdf": "exp(-{0}**2/2)/sqrt(2*pi)",
    "sgn": "sign({0})", "Heaviside": "step({0})", "heaviside": "step({0})", "unit_step": "step({0})",
    "csch": "sech({0})/tanh({0})", "indicator": "({0})", "ceil": "-floor(-({0}))",
    "frac": "{0} - sign({0})*floor(abs({0}))",
    "coth": "1/tanh({0})", "ln": "log({0})",
    "log2": "log({0})/log(2)", "log10": "log({0})/log(10)", "exp2": "exp({0}*log(2))",
    "fabs": "abs({0})", "absolute": "abs({0})", "arsinh": "asinh({0})", "positive": "({0})", "sec": "1/cos({0})",
    "cot": "1/tan({0})", "csc": "1/sin({0})", "mod": "{0} - ({1})*floor({0}/({1}))",
    "fmod": "{0} - ({1})*sign({0}/({1}))*floor(abs({0}/({1})))",
    "remainder": "{0} - ({1})*floor({0}/({1}))", "J_0": "j0({0})", "J_1": "j1({0})", "J0": "j0({0})", "J1": "j1({0})",
    "W": "lambertw({0})", "W_0": "lambertw({0})", "LambertW": "lambertw({0})",
    "H": "step({0})", "Theta": "step({0})", "binary_step": "step({0})", "ramp": "relu({0})", "rectifier": "relu({0})",
    "rint": "round({0})", "xlogy": "{0}*log({1})", "clip_by_value": "min(max({0}, {1}), {2})",
    "logit": "log({0}) - log(1 - {0})", "i0": "i0e({0})*exp(abs({0}))", "trunc": "sign({0})*floor(abs({0}))",
    "linear": "({0})", "exponential": "exp({0})", "hard_silu": "{0}*hardsigmoid({0})",
    "sparse_plus": "min(max(0, {0} + 1), 2)**2/4 + max(0, {0} - 1)", "sparse_sigmoid": "min(max(0, ({0} + 1)/2), 1)",
    "hard_mish": "{0}*min(2, max(0, {0} + 2))/2", "sqrtsoftplus": "sqrt(softplus({0}))",
    "laplace": "(1 + erf(({0} - 0.707107)/(0.282095*sqrt(2))))/2",
    "gelu_python": "gelu({0})", "gelu_erf": "gelu({0})", "gelu_10": "min(max(gelu({0}), -10), 10)",
    "tensor": "({0})", "zeros_like": "0*{0}", "ones_like": "1 + 0*{0}", "float": "({0})", "clamp_min": "max({0}, {1})",
    "clamp_max": "min({0}, {1})", "fmax": "max({0}, {1})", "fmin": "min({0}, {1})",
    "negative": "-({0})", "reciprocal": "1/({0})", "rsqrt": "1/sqrt({0})", "normalized_sinc": "sinc(pi*({0}))",
    "logaddexp": "max({0}, {1}) + softplus(-abs({0} - ({1})))",
    "subtract": "({0}) - ({1})", "multiply": "({0})*({1})", "divide": "({0})/({1})", "true_divide": "({0})/({1})",
    "float_power": "({0})**({1})",
    "hypot": "sqrt(({0})**2 + ({1})**2)", "clip": "min(max({0}, {1}), {2})", "clamp": "min(max({0}, {1}), {2})",
}  # fmt: skip
"""Our infix of a word, by its inputs."""
CAPITALS = ("Phi", "phi", "W", "H", "Theta")
"""What is another word in other letters."""
CASES = frozenset(("where", "Piecewise", "piecewise", "select", "cond", "ifelse", "if_else"))
"""Functions by cases."""
ELSEWHERE |= dict.fromkeys(
    ("gelu_new", "gelu_fast", "gelu_accurate", "gelu_python_tanh", "gelu_pytorch_tanh"), GELU_TANH
)
ELSEWHERE |= {"jax.nn.gelu": GELU_TANH, "flax.linen.gelu": GELU_TANH}
ELSEWHERE |= {f"{module}.sinc": "sinc(pi*({0}))" for module in ("np", "numpy", "torch", "jnp")}
_LEAKY = {
    "keras.activations.leaky_relu": 0.2,
    "keras.ops.leaky_relu": 0.2,
    "tf.nn.leaky_relu": 0.2,
    "keras.layers.LeakyReLU": 0.3,
}
ELSEWHERE |= {word: LEAKY_RELU.format("{0}", slope) for word, slope in _LEAKY.items()}
_SAID = {
    "sigma": "sigma(...) is the logistic function, sigmoid",
    "phi": "phi(...) is the density of the standard normal, and Phi(...) its distribution function",
    "Phi": "Phi(...) is the distribution function of the standard normal",
    "H": "H(...) is the Heaviside step function",
    "Theta": "Theta(...) is the Heaviside step function",
    "laplace": "laplace(u) of one input is that of transformers, (1 + erf((u - 0.707107)/(0.282095*sqrt(2))))/2",
    "nn.gelu": "nn.gelu(u) is exact here, as torch's is; flax's is the approximation by tanh, gelu_tanh(u)",
    "jax.nn.gelu": "jax.nn.gelu(u) is the approximation by tanh, as jax has it; gelu(u) is exact",
    "flax.linen.gelu": "flax.linen.gelu(u) is the approximation by tanh, as jax has it; gelu(u) is exact",
    "sinc": "sinc(u) is sin(u)/u; write normalized_sinc(u) for sin(pi*u)/(pi*u)",
    "np.sinc": "np.sinc(u) is sin(pi*u)/(pi*u), as numpy and torch have it; sinc(u) is sin(u)/u",
}
_SAID |= {word: f"{word} has the slope {slope} below zero; leaky_relu has 0.01" for word, slope in _LEAKY.items()}
_SAID |= dict.fromkeys(("numpy.sinc", "torch.sinc", "jnp.sinc"), _SAID["np.sinc"])
_SEVERAL = frozenset(
    ("softmax", "log_softmax", "logsoftmax", "softmin", "maxout", "glu", "swiglu", "geglu", "reglu", "sum", "mean",
     "std", "var", "norm", "normalize", "layer_norm", "layernorm", "batch_norm", "batchnorm", "rms_norm", "argmax",
     "sort", "cumsum", "prod", "median", "crelu", "topk", "sparsemax", "gumbel_softmax", "softmax2d", "logsumexp",
     "standardize", "one_hot", "attention", "multiheadattention")
)  # fmt: skip
"""What looks at several numbers at once."""
_RANDOM = frozenset(("dropout", "rrelu", "random", "rand", "randn", "noise", "uniform", "normal", "bernoulli"))
INVERSES = {
    "sigma": "logit",
    "logistic": "logit",
    "expit": "logit",
    "tanh": "atanh",
    "sinh": "asinh",
    "tan": "atan",
    "sigmoid": "logit",
    "exp": "log",
}
"""What ``f^-1`` is, which is no reciprocal."""


def said_of(word: str) -> str:
    """Return how a word that has several meanings is read, an empty text of others."""
    return _SAID.get(word, "")


def no_function(word: str) -> str:
    """Return why a word is known and no function of one number; an empty text of others."""
    last = word.rpartition(".")[2].lower()
    if last in _SEVERAL:
        return f"'{word}' is no function of one number: it looks at several at once; an activation here has one input"
    return f"'{word}' is random; an activation here is a function of its input" if last in _RANDOM else ""


def known(word: str) -> bool:
    """Tell whether a word is a function: a primitive's, a known activation's, or one of another field."""
    return meant(word) is not None


def meant(word: str) -> str | None:
    """Return what a function's name means: a primitive, a name of the library, or a key of :data:`ELSEWHERE`.

    Capitals, underscores and the module before a dot do not matter, unless they decide.
    """
    words, folded = _lexicon_now()
    if word in ELSEWHERE or word in words or word in CASES or word in SETTINGS:
        return word
    *modules, last = word.split(".")
    if not set(modules) <= NAMESPACES:
        return None
    if last in ELSEWHERE or last in words or last in CASES or last in SETTINGS:
        return last
    return folded.get(_fold(last))


def names() -> list[str]:
    """Return every word that :func:`meant` knows as it is written here."""
    return [*_lexicon_now()[0], *ELSEWHERE, *SETTINGS]


def _lexicon_now() -> tuple[frozenset[str], Mapping[str, str]]:
    return _lexicon(tuple(each.name for each in all_primitives()), tuple(synonyms()))


@lru_cache(maxsize=8)
def _lexicon(primitives: tuple[str, ...], others: tuple[str, ...]) -> tuple[frozenset[str], Mapping[str, str]]:
    """Return the words of the language and the library, and every word by how it reads without capitals and bars."""
    words = frozenset([*primitives, *others, *library_names(), *ALIASES]) - {"x"}
    return words, {_fold(word): word for word in (*words, *ELSEWHERE, *SETTINGS) if word not in CAPITALS}


def _fold(word: str) -> str:
    return word.lower().replace("_", "")
