"""Activations as papers of 2011 to 2026 print them and as code spells them, each with what it is in numpy.

The numbers of parameters in the right-hand functions go by the names that the formula gives them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

_sigmoid, _erf, _cdf = special.expit, special.erf, special.ndtr


def _softplus(x):
    return np.logaddexp(0, x)


def _relu(x):
    return np.maximum(x, 0)


def _leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def _gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _elu(x):
    return np.where(x > 0, x, np.expm1(x))


PRINTED: dict[str, Callable[..., np.ndarray]] = {
    r"f(x) = x \cdot \sigma(\beta x)": lambda x, beta: x * _sigmoid(beta * x),
    r"f(x) = x \cdot \text{sigmoid}(\beta x)": lambda x, beta: x * _sigmoid(beta * x),
    r"\sigma(x)\left(1 + x(1-\sigma(x))\right)": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    r"\text{selu}(x) = \lambda \begin{cases} x & \text{if } x > 0 \\ \alpha e^{x} - \alpha & \text{if } x \leqslant 0 \end{cases}": lambda x, lambda_, alpha: (
        lambda_ * np.where(x > 0, x, alpha * np.exp(x) - alpha)
    ),
    r"\text{CELU}(x,\alpha) = \begin{cases} x & \text{if } x \ge 0 \\ \alpha\left(\exp\left(\frac{x}{\alpha}\right)-1\right) & \text{otherwise} \end{cases}": lambda x, alpha: (
        np.where(x >= 0, x, alpha * (np.exp(x / alpha) - 1))
    ),
    r"f(x)=\begin{cases} x & \text{if } x \geq 0 \\ x\left(\frac{1}{\sqrt{1+\alpha x^{2}}}\right) & \text{if } x<0 \end{cases}": lambda x, alpha: (
        np.where(x >= 0, x, x / np.sqrt(1 + alpha * x * x))
    ),
    r"\frac{x}{\sqrt{1+\alpha x^2}}": lambda x, alpha: x / np.sqrt(1 + alpha * x * x),
    r"0.5x\left(1 + \tanh\left[\sqrt{2/\pi}\left(x + 0.044715x^3\right)\right]\right)": lambda x: _gelu_tanh(x),
    r"xΦ(x)": lambda x: x * _cdf(x),
    r"x\sigma(1.702x)": lambda x: x * _sigmoid(1.702 * x),
    r"f(x) = x\tanh(\text{softplus}(x)) = x\tanh(\ln(1+e^{x}))": lambda x: x * np.tanh(_softplus(x)),
    r"\frac{\sqrt{x^2 + 1} - 1}{2} + x": lambda x: (np.sqrt(x * x + 1) - 1) / 2 + x,
    r"x + \frac{1}{a}\sin^2(ax)": lambda x, a: x + np.sin(a * x) ** 2 / a,
    r"\text{Snake}_a := x + \frac{1}{a}\sin^2(ax)": lambda x, a: x + np.sin(a * x) ** 2 / a,
    r"x - \frac{1}{2a}\cos(2ax) + \frac{1}{2a}": lambda x, a: x - np.cos(2 * a * x) / (2 * a) + 1 / (2 * a),
    r"\sin(\omega_0 \cdot x)": lambda x, omega_0: np.sin(omega_0 * x),
    r"C(z) = z\cos z": lambda x: x * np.cos(x),
    r"f(x) = \begin{cases} \frac{x}{1+e^{-x}}, & x \ge 0 \\ \frac{e^{x}-1}{1+e^{-x}}, & x < 0 \end{cases}": lambda x: (
        np.where(x >= 0, x * _sigmoid(x), np.expm1(x) * _sigmoid(x))
    ),
    r"\begin{cases} x \times \max(0,\min(1,(x+1)/2)), & x \ge 0 \\ (e^x-1)\times\max(0,\min(1,(x+1)/2)), & x<0\end{cases}": lambda x: (
        np.where(x >= 0, x, np.expm1(x)) * np.clip((x + 1) / 2, 0, 1)
    ),
    r"x \frac{\text{ReLU6}(x+3)}{6}": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    r"\text{h-swish}[x] = x\frac{\text{ReLU6}(x+3)}{6}": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    r"\max(0, \min(1, \frac{x+1}{2}))": lambda x: np.clip((x + 1) / 2, 0, 1),
    r"\frac{x}{2}\cdot\min(2,\max(0,x+2))": lambda x: x / 2 * np.clip(x + 2, 0, 2),
    r"f(x) = x\tanh(e^x)": lambda x: x * np.tanh(np.exp(x)),
    r"TeLU(x) = x · tanh(e^x)": lambda x: x * np.tanh(np.exp(x)),
    r"f(x) = x\,\text{erf}(\ln(1+e^x))": lambda x: x * _erf(_softplus(x)),
    r"f(x) = x \cdot \ln(1 + \text{Sigmoid}(x))": lambda x: x * np.log1p(_sigmoid(x)),
    r"f(x) = x \cdot \ln\left(2 - e^{-e^{x}}\right)": lambda x: x * np.log(2 - np.exp(-np.exp(x))),
    r"f(x) = x \cdot \tanh\left[\ln\left(1+\text{sigmoid}(x)\right)\right]": lambda x: (
        x * np.tanh(np.log1p(_sigmoid(x)))
    ),
    r"αx · tanh[ln(1 + sigmoid(βx))]": lambda x, alpha, beta: alpha * x * np.tanh(np.log1p(_sigmoid(beta * x))),
    r"f(x) = x \text{TanH}(\text{GELU}(x))": lambda x: x * np.tanh(x * _cdf(x)),
    r"\frac{1}{2}\left(x + \sqrt{x^2 + b}\right)": lambda x, b: 0.5 * (x + np.sqrt(x * x + b)),
    r"\text{ReLU}^2(x) = \max(0,x)^2": lambda x: _relu(x) ** 2,
    r"(\max(0, x))^{2}": lambda x: _relu(x) ** 2,
    r"s \cdot \text{ReLU}(x)^2 + b": lambda x, s, b: s * _relu(x) ** 2 + b,
    r"(a-b)x·σ(β(a-b)x) + bx": lambda x, a, b, beta: (a - b) * x * _sigmoid(beta * (a - b) * x) + b * x,
    r"\frac{(1+\alpha)x + (1-\alpha)x\,\text{erf}(\mu(1-\alpha)x)}{2}": lambda x, alpha, mu: (
        ((1 + alpha) * x + (1 - alpha) * x * _erf(mu * (1 - alpha) * x)) / 2
    ),
    r"\frac{(1+\alpha)x + \sqrt{(1-\alpha)^2x^2 + \mu^2}}{2}": lambda x, alpha, mu: (
        ((1 + alpha) * x + np.sqrt((1 - alpha) ** 2 * x * x + mu**2)) / 2
    ),
    r"f(x) = x\tanh(x)": lambda x: x * np.tanh(x),
    r"\begin{cases} \max(0.01,\min(\alpha,0.99))x, & x<0 \\ (1+\sigma(\beta))x, & x \ge 0 \end{cases}": lambda x, alpha, beta: (
        np.where(x < 0, np.clip(alpha, 0.01, 0.99) * x, (1 + _sigmoid(beta)) * x)
    ),
    r"x\, e^{-e^{-x}}": lambda x: x * np.exp(-np.exp(-x)),
    r"x \exp(-\alpha\exp(-\beta x))": lambda x, alpha, beta: x * np.exp(-alpha * np.exp(-beta * x)),
    r"\begin{cases} \alpha_p x^2 + \beta x & x > 0 \\ \alpha_n (e^x - 1) - \alpha_n x + \beta x & x \leq 0\end{cases}": lambda x, alpha_p, alpha_n, beta: (
        np.where(x > 0, alpha_p * x * x + beta * x, alpha_n * np.expm1(x) - alpha_n * x + beta * x)
    ),
    r"\begin{cases} \alpha_p x^2 + \beta x & \text{if } x > 0, \\ \alpha_n x^2 + \beta x & \text{if } x \leq 0.\end{cases}": lambda x, alpha_p, alpha_n, beta: (
        np.where(x > 0, alpha_p * x * x + beta * x, alpha_n * x * x + beta * x)
    ),
    r"\max(0,x) + \epsilon x e^{-\frac{x^2}{2}}": lambda x, epsilon: _relu(x) + epsilon * x * np.exp(-x * x / 2),
    r"\frac{a + bx + cx^2}{1 + |\alpha x + \beta x^2|}": lambda x, a, b, c, alpha, beta: (
        (a + b * x + c * x * x) / (1 + abs(alpha * x + beta * x * x))
    ),
    r"\gamma \tanh(\alpha x) + \beta": lambda x, gamma, alpha, beta: gamma * np.tanh(alpha * x) + beta,
    r"\gamma\,\text{erf}(\alpha x + s) + \beta": lambda x, gamma, alpha, s, beta: gamma * _erf(alpha * x + s) + beta,
    r"γ·x/√(α + x²) + β": lambda x, gamma, alpha, beta: gamma * x / np.sqrt(alpha + x * x) + beta,
    r"\frac{1}{\alpha}\log\frac{1+e^{\alpha x}}{1+e^{\alpha(x-1)}}": lambda x, alpha: (
        (_softplus(alpha * x) - _softplus(alpha * (x - 1))) / alpha
    ),
    r"\begin{cases} x & x > 1.5 \\ 0 & x < -1.5 \\ \frac{x}{3}(x+1.5) & \text{otherwise}\end{cases}": lambda x: (
        np.where(x > 1.5, x, np.where(x < -1.5, 0, x / 3 * (x + 1.5)))
    ),
    r"f(\alpha,x) = \begin{cases} -\frac{\ln(1-\alpha(x+\alpha))}{\alpha} & \text{for } \alpha < 0 \\ x & \text{for } \alpha = 0 \\ \frac{e^{\alpha x}-1}{\alpha}+\alpha & \text{for } \alpha>0\end{cases}": lambda x, alpha: (
        np.expm1(alpha * x) / alpha + alpha
    ),
    r"\frac{x}{\frac{x}{\alpha} + e^{-\frac{x}{\beta}}}": lambda x, alpha, beta: x / (x / alpha + np.exp(-x / beta)),
    r"\beta x \cdot \text{sigmoid}(x)": lambda x, beta: beta * x * _sigmoid(x),
    r"\text{relu}(x) + b": lambda x, b: _relu(x) + b,
    r"\begin{cases} \frac{a}{b}x & x \geq 0 \\ a(e^{x/b}-1) & x<0 \end{cases}": lambda x, a, b: np.where(
        x >= 0, a / b * x, a * np.expm1(x / b)
    ),
    r"\begin{cases} x & \text{if } x>0 \\ \alpha(e^{\beta x}-1) & \text{if } x \le 0\end{cases}": lambda x, alpha, beta: (
        np.where(x > 0, x, alpha * np.expm1(beta * x))
    ),
    r"\text{max}(0,x) + \text{min}(0,\alpha(\exp(x/\alpha)-1))": lambda x, alpha: (
        _relu(x) + np.minimum(0, alpha * np.expm1(x / alpha))
    ),
    r"\begin{cases} kx & x > 0 \\ \alpha(e^{\beta x}-1) & x \le 0\end{cases}": lambda x, k, alpha, beta: np.where(
        x > 0, k * x, alpha * np.expm1(beta * x)
    ),
    r"\ln(\beta \max(0,x) + 1.0)": lambda x, beta: np.log(beta * _relu(x) + 1),
    r"\begin{cases} x & x \ge 0 \\ 2\ln\frac{e^x+1}{2} & x<0\end{cases}": lambda x: np.where(
        x >= 0, x, 2 * np.log((np.exp(x) + 1) / 2)
    ),
    r"\begin{cases} 1 & x > 2 \\ x - \frac{x^2}{4} & 0 \le x \le 2 \\ x + \frac{x^2}{4} & -2 \le x < 0 \\ -1 & x < -2 \end{cases}": lambda x: (
        np.where(x > 2, 1, np.where(x >= 0, x - x * x / 4, np.where(x >= -2, x + x * x / 4, -1)))
    ),
    r"\begin{cases} x & x > 0 \\ x + \frac{x^2}{4} & -2 \leq x \leq 0 \\ -1 & x < -2\end{cases}": lambda x: np.where(
        x > 0, x, np.where(x >= -2, x + x * x / 4, -1)
    ),
    r"x e^{x} / (1 + e^{2x})": lambda x: x * np.exp(x) / (1 + np.exp(2 * x)),
    r"x \operatorname{sech}(x)": lambda x: x / np.cosh(x),
    r"1 - e^{-e^{x}}": lambda x: 1 - np.exp(-np.exp(x)),
    r"1 - 2e^{-0.7e^x}": lambda x: 1 - 2 * np.exp(-0.7 * np.exp(x)),
    r"\tanh(\alpha x)\ln(1+e^x)": lambda x, alpha: np.tanh(alpha * x) * _softplus(x),
    r"x\tanh(\beta e^{\gamma x})": lambda x, beta, gamma: x * np.tanh(beta * np.exp(gamma * x)),
    r"\ln(1+e^x \tanh(\delta x))": lambda x, delta: np.log(1 + np.exp(x) * np.tanh(delta * x)),
    r"\frac{x(\ln(1+e^x))^\alpha}{\sqrt{\beta+\gamma x^2}+\delta e^{-\epsilon x}}": lambda x, alpha, beta, gamma, delta, epsilon: (
        x * _softplus(x) ** alpha / (np.sqrt(beta + gamma * x * x) + delta * np.exp(-epsilon * x))
    ),
    r"\frac{x\ln(1+e^x)}{x + 1.16e^{-x}}": lambda x: x * _softplus(x) / (x + 1.16 * np.exp(-x)),
    r"x\cdot\frac{1}{2}\left(1+\frac{x}{\sqrt{1+x^2}}\right)": lambda x: x * 0.5 * (1 + x / np.sqrt(1 + x * x)),
    r"\begin{cases} x & x \geq 0 \\ x + \frac{x^2}{\sqrt{1+x^2}} & x < 0\end{cases}": lambda x: np.where(
        x >= 0, x, x + x * x / np.sqrt(1 + x * x)
    ),
    r"f(x) = \frac{x}{2}\left(1+\frac{kx}{\sqrt{1+x^2}}\right)": lambda x, k: x / 2 * (1 + k * x / np.sqrt(1 + x * x)),
    r"\frac{2}{\sqrt{3}\pi^{1/4}}(1-x^2)e^{-x^2/2}": lambda x: (
        2 / (3**0.5 * np.pi**0.25) * (1 - x * x) * np.exp(-x * x / 2)
    ),
    r"\cos(5x)e^{-x^2/2}": lambda x: np.cos(5 * x) * np.exp(-x * x / 2),
    r"e^{-\frac{1}{2}\frac{x^2}{a^2}}": lambda x, a: np.exp(-0.5 * x * x / a / a),
    r"\exp\left(\frac{-x^{2}}{2\sigma^{2}}\right)": lambda x, sigma: np.exp(-x * x / 2 / sigma / sigma),
    r"\frac{1}{1+(ax)^2}": lambda x, a: 1 / (1 + (a * x) ** 2),
    r"\frac{1}{\sqrt{1+(ax)^2}}": lambda x, a: 1 / np.sqrt(1 + (a * x) ** 2),
    r"e^{-\frac{|x|}{a}}": lambda x, a: np.exp(-abs(x) / a),
    r"\left[e^{-\frac{1}{2}\frac{x^2}{a^2}}\right]^b": lambda x, a, b: np.exp(-0.5 * x * x / a / a) ** b,
    r"e^{-\sin(ax)}": lambda x, a: np.exp(-np.sin(a * x)),
    r"\sin((|x|+1)x)": lambda x: np.sin((abs(x) + 1) * x),
    r"sin(ω₀·(|x|+1)·x)": lambda x, omega_0: np.sin(omega_0 * (abs(x) + 1) * x),
    r"\frac{\sin(\pi x)}{\pi x}": lambda x: np.sinc(x),
    r"(x + a\sin(bx))\cdot\sigma(x)": lambda x, a, b: (x + a * np.sin(b * x)) * _sigmoid(x),
    r"\frac{\pi}{2}(\text{sinc}(x-\pi)-\text{sinc}(x+\pi))": lambda x: (
        np.pi / 2 * (np.sinc(x / np.pi - 1) - np.sinc(x / np.pi + 1))
    ),
    r"\frac{\sinh^{-1}(x)}{1}": lambda x: np.arcsinh(x),
    r"\tanh(x)\cdot\max(0,x)": lambda x: np.tanh(x) * _relu(x),
    r"\begin{cases} x\tanh(x) & x\geq 0 \\ 0 & \text{else}\end{cases}": lambda x: np.where(x >= 0, x * np.tanh(x), 0),
    r"\begin{cases} x - \lambda & x > \lambda \\ x + \lambda & x < -\lambda \\ 0 & \text{otherwise}\end{cases}": lambda x, lambda_: (
        np.where(x > lambda_, x - lambda_, np.where(x < -lambda_, x + lambda_, 0))
    ),
    r"\mathrm{sign}(x)\max(|x|-\lambda,0)": lambda x, lambda_: np.sign(x) * _relu(abs(x) - lambda_),
    r"\operatorname{sgn}(x)\,(|x|-\lambda)_+": lambda x, lambda_: np.sign(x) * _relu(abs(x) - lambda_),
    r"\text{sign}(x)\ln(1+|x|)": lambda x: np.sign(x) * np.log1p(abs(x)),
    r"\mathrm{symexp}(x) \doteq \mathrm{sign}(x)\left(\exp(|x|)-1\right)": lambda x: np.sign(x) * np.expm1(abs(x)),
    r"\begin{cases} \tanh(x) & x>0 \\ a\tanh(x) & x\le0 \end{cases}": lambda x, a: np.where(
        x > 0, np.tanh(x), a * np.tanh(x)
    ),
    r"\begin{cases} -a(e^{-x/b}-1) & x\ge 0 \\ c(e^{x/\delta}-1) & x<0\end{cases}": lambda x, a, b, c, delta: np.where(
        x >= 0, -a * np.expm1(-x / b), c * np.expm1(x / delta)
    ),
    r"1.7159\tanh\left(\frac{2}{3}x\right)": lambda x: 1.7159 * np.tanh(2 * x / 3),
    r"\tanh x + \gamma x": lambda x, gamma: np.tanh(x) + gamma * x,
    r"\tan^{-1}(x)": lambda x: np.arctan(x),
    r"x\left(\frac{\arctan(x)}{\pi}+\frac{1}{2}\right)": lambda x: x * (np.arctan(x) / np.pi + 0.5),
    r"x(\frac{1}{\pi}\arctan x + \frac12)": lambda x: x * (np.arctan(x) / np.pi + 0.5),
    r"x\left((1+2\alpha)\Phi(x)-\alpha\right)": lambda x, alpha: x * ((1 + 2 * alpha) * _cdf(x) - alpha),
    r"x·((1+2α)σ(x) − α)": lambda x, alpha: x * ((1 + 2 * alpha) * _sigmoid(x) - alpha),
    r"a x + b x^2 + c x^3": lambda x, a, b, c: a * x + b * x * x + c * x**3,
    r"a + b\,\mathrm{ReLU}(x) + c\,\mathrm{ReLU}^2(x)": lambda x, a, b, c: a + b * _relu(x) + c * _relu(x) ** 2,
    r"\text{ReLU}^3(x)": lambda x: _relu(x) ** 3,
    r"x\,\text{sigmoid}(x)": lambda x: x * _sigmoid(x),
    "x * torch.exp(-0.5 * x**2) + torch.relu(x)": lambda x: x * np.exp(-0.5 * x * x) + _relu(x),
    "F.gelu(x) + 0.5 * torch.sin(x)": lambda x: x * _cdf(x) + 0.5 * np.sin(x),
    "torch.nn.functional.gelu(x) * (1 + 0.5 * torch.sin(x))": lambda x: x * _cdf(x) * (1 + 0.5 * np.sin(x)),
    r"\tanh(x) + \beta \cdot x \cdot \tanh(x)": lambda x, beta: np.tanh(x) + beta * x * np.tanh(x),
    r"\alpha x \,\text{erf}\left(\frac{x}{\sqrt{2}}\right)": lambda x, alpha: alpha * x * _erf(x / 2**0.5),
    r"\log(1+x^2)": lambda x: np.log1p(x * x),
    r"\ln\left(1+x^{2}\right)": lambda x: np.log1p(x * x),
    r"\begin{cases} \alpha x & x \ge 0 \\ 0.1\alpha x & x<0\end{cases}": lambda x, alpha: np.where(
        x >= 0, alpha * x, 0.1 * alpha * x
    ),
    r"\max\left(x, -\pi\right)": lambda x: np.maximum(x, -np.pi),
    r"\cos(x) - x": lambda x: np.cos(x) - x,
    r"\min(x,\sin(x))": lambda x: np.minimum(x, np.sin(x)),
    r"(\tan^{-1}(x))^2 - x": lambda x: np.arctan(x) ** 2 - x,
    r"x(\sigma(x))^\alpha": lambda x, alpha: x * _sigmoid(x) ** alpha,
    r"\max(x, \sigma(x))": lambda x: np.maximum(x, _sigmoid(x)),
    r"\max(x,\tanh(x))": lambda x: np.maximum(x, np.tanh(x)),
    "2σ(x) − 1": lambda x: 2 * _sigmoid(x) - 1,
    r"\text{Swish}(x) \cdot \text{erf}(\text{softplus}(x))": lambda x: x * _sigmoid(x) * _erf(_softplus(x)),
    r"\min\{\text{Swish}(x), \text{ELU}(\text{ReLU}(\alpha x))\}": lambda x, alpha: np.minimum(
        x * _sigmoid(x), _relu(alpha * x)
    ),
    r"\text{ELU}(\alpha\cdot\text{ReLU}(x) - \beta x)": lambda x, alpha, beta: _elu(alpha * _relu(x) - beta * x),
    "σ(x) · erf(x)": lambda x: _sigmoid(x) * _erf(x),
    r"\max\{x,0\} + 0.2\min\{x,0\}": lambda x: _relu(x) + 0.2 * np.minimum(x, 0),
    r"x\left(1 - \tfrac{1}{2}\operatorname{erfc}\left(\tfrac{x}{\sqrt2}\right)\right)": lambda x: x * _cdf(x),
    r"σ(x)(1+x(1−σ(x)))": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    r"\begin{cases} x & x \geqslant 0 \\ 0.3(xe^x - e^{0.25x}) + \tfrac{3}{10} & x<0\end{cases}": lambda x: np.where(
        x >= 0, x, 0.3 * (x * np.exp(x) - np.exp(0.25 * x)) + 0.3
    ),
    r"\frac{x}{1 - x e^{-(x+e^x)}}": lambda x: x / (1 - x * np.exp(-(x + np.exp(x)))),
    r"\left[\sigma(x)\right]^{\frac{1}{\lambda}}·x": lambda x, lambda_: _sigmoid(x) ** (1 / lambda_) * x,
    r"erf(x) \cdot e^{-|x|}": lambda x: _erf(x) * np.exp(-abs(x)),
    r"\max\{0, x\} - \alpha \max\{0, -x\}": lambda x, alpha: _relu(x) - alpha * _relu(-x),
    "(1 - x²)·e^(-x²/2)": lambda x: (1 - x * x) * np.exp(-x * x / 2),
    "ReLU6(x+3)/6": lambda x: np.clip(x + 3, 0, 6) / 6,
    "x + sin²(x)": lambda x: x + np.sin(x) ** 2,
    "x·tanh²(x)": lambda x: x * np.tanh(x) ** 2,
    r"\log\cosh(x)": lambda x: np.log(np.cosh(x)),
    r"\log(\cosh x)": lambda x: np.log(np.cosh(x)),
    "|x|/(1+|x|) * x": lambda x: abs(x) / (1 + abs(x)) * x,
    r"\mathrm{ReLU}(x) \log(1+\mathrm{ReLU}(x))": lambda x: _relu(x) * np.log1p(_relu(x)),
    r"\frac{e^x - e^{-x}}{e^x + e^{-x}}": lambda x: np.tanh(x),
    "max{0.1x, x}": lambda x: np.maximum(0.1 * x, x),
    "min(max(x,0),6)/6·x": lambda x: np.clip(x, 0, 6) / 6 * x,
    "x(1 + e^{-x})^{-1}": lambda x: x * _sigmoid(x),
    r"\sqrt{\text{softplus}(x)}": lambda x: np.sqrt(_softplus(x)),
    r"x\cdot\mathbb{I}(x>0)": lambda x: _relu(x),
    r"x\mathbf{1}_{x>0} + \alpha(e^x-1)\mathbf{1}_{x\leq0}": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    r"x\cdot\mathbb{1}\{x \ge 0\}": lambda x: _relu(x),
    r"x \cdot 1_{[x>0]}": lambda x: _relu(x),
}
"""As papers print them."""

SPELLED: dict[str, Callable[..., np.ndarray]] = {
    "x * torch.tanh(F.softplus(x))": lambda x: x * np.tanh(_softplus(x)),
    "x * F.relu6(x + 3.) / 6.": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "0.5 * input * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (input + 0.044715 * torch.pow(input, 3.0))))": lambda x: (
        _gelu_tanh(x)
    ),
    "input * torch.sigmoid(1.702 * input)": lambda x: x * _sigmoid(1.702 * x),
    "0.5 * (1.0 + torch.erf((input - 0.707107) / (0.282095 * math.sqrt(2.0))))": lambda x: (
        0.5 * (1 + _erf((x - 0.707107) / (0.282095 * 2**0.5)))
    ),
    "tf.nn.relu(x) * tf.math.tanh(x)": lambda x: _relu(x) * np.tanh(x),
    "lambda x: x * torch.sigmoid(x)": lambda x: x * _sigmoid(x),
    "F.leaky_relu(x, 0.2)": lambda x: _leaky(x, 0.2),
    "F.leaky_relu(x, negative_slope=0.2)": lambda x: _leaky(x, 0.2),
    "nn.LeakyReLU(0.2)(x)": lambda x: _leaky(x, 0.2),
    "nn.LeakyReLU(negative_slope=0.2, inplace=True)(x)": lambda x: _leaky(x, 0.2),
    "nn.ELU(alpha=0.5)(x + 1)": lambda x: np.where(x + 1 > 0, x + 1, 0.5 * np.expm1(x + 1)),
    "F.elu(x, alpha=0.5)": lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)),
    "F.celu(x, 2.0)": lambda x: np.where(x > 0, x, 2 * np.expm1(x / 2)),
    "F.softplus(x, beta=2)": lambda x: _softplus(2 * x) / 2,
    "F.hardtanh(x, -2, 2)": lambda x: np.clip(x, -2, 2),
    "F.hardtanh(x, min_val=0, max_val=20)": lambda x: np.clip(x, 0, 20),
    "F.threshold(x, 0.1, 20)": lambda x: np.where(x > 0.1, x, 20),
    "F.softshrink(x, lambd=0.2)": lambda x: np.sign(x) * _relu(abs(x) - 0.2),
    "F.hardshrink(x, 0.2)": lambda x: np.where(abs(x) > 0.2, x, 0),
    "F.gelu(x, approximate='tanh')": lambda x: _gelu_tanh(x),
    "F.gelu(x, approximate='none')": lambda x: x * _cdf(x),
    "jax.nn.gelu(x, approximate=False)": lambda x: x * _cdf(x),
    "jax.nn.gelu(x)": lambda x: _gelu_tanh(x),
    "jax.nn.silu(x) * jnp.exp(-x**2)": lambda x: x * _sigmoid(x) * np.exp(-x * x),
    "F.relu(x, inplace=True)": _relu,
    "torch.where(x > 0, x, 0.1 * (torch.exp(x) - 1))": lambda x: np.where(x > 0, x, 0.1 * np.expm1(x)),
    "torch.where(x.abs() < 1, x, x.sign())": lambda x: np.clip(x, -1, 1),
    "x.clamp(min=0)": _relu,
    "x.clamp(-1, 1)": lambda x: np.clip(x, -1, 1),
    "x.pow(2).mul(torch.sigmoid(x))": lambda x: x * x * _sigmoid(x),
    "(x + 1).tanh() * x": lambda x: np.tanh(x + 1) * x,
    "x * x.sigmoid()": lambda x: x * _sigmoid(x),
    "x.mul(F.softplus(x).tanh())": lambda x: x * np.tanh(_softplus(x)),
    "input.mul(torch.tanh(F.softplus(input)))": lambda x: x * np.tanh(_softplus(x)),
    "torch.maximum(torch.tensor(0.0), x)": _relu,
    "torch.max(x, torch.zeros_like(x))": _relu,
    "torch.clamp_min(x, 0)": _relu,
    "x * torch.clamp(x + 3, 0, 6) / 6": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "x * K.sigmoid(x)": lambda x: x * _sigmoid(x),
    "tf.keras.activations.relu(x)": _relu,
    "tf.nn.leaky_relu(x, alpha=0.3)": lambda x: _leaky(x, 0.3),
    "x * tf.sigmoid(beta * x)": lambda x, beta: x * _sigmoid(beta * x),
    "def act(x, alpha=0.5): return x * torch.sigmoid(alpha * x)": lambda x: x * _sigmoid(0.5 * x),
    "def act(x: torch.Tensor) -> torch.Tensor: return x * torch.tanh(x)": lambda x: x * np.tanh(x),
    "lambda x, a=0.25: max(0,x) + a*min(0,x)": lambda x: _relu(x) + 0.25 * np.minimum(0, x),
    "lambda input: torch.sin(input)": np.sin,
    "x -> x*tanh(x)": lambda x: x * np.tanh(x),
    "x ↦ x·tanh(x)": lambda x: x * np.tanh(x),
    "f: x \\mapsto x\\tanh(x)": lambda x: x * np.tanh(x),
    "x => Math.max(0, x)": _relu,
    "1/(1+np.exp(-x))": _sigmoid,
    "np.sign(x)*np.sqrt(np.abs(x))": lambda x: np.sign(x) * np.sqrt(abs(x)),
    "np.log1p(np.exp(x))": _softplus,
    "np.heaviside(x, 0.5)*x": _relu,
    "math.tanh(x)": np.tanh,
    "scipy.special.erf(x)": _erf,
    "scipy.stats.norm.cdf(x)*x": lambda x: x * _cdf(x),
    "norm.cdf(x)*x": lambda x: x * _cdf(x),
    r"\sin \omega x": lambda x, omega: np.sin(omega * x),
    r"\sin ax + \cos bx": lambda x, a, b: np.sin(a * x) + np.cos(b * x),
    r"\tanh x \cdot e^{-x^2}": lambda x: np.tanh(x) * np.exp(-x * x),
    r"x\tanh x": lambda x: x * np.tanh(x),
    r"\ln(|x|+1)": lambda x: np.log1p(abs(x)),
    r"\tanh|x|": lambda x: np.tanh(abs(x)),
    r"\begin{equation} f(x) = \frac{x}{1+|x|} \label{eq:softsign} \end{equation}": lambda x: x / (1 + abs(x)),
    r"\begin{align} f(x) &= x\,\sigma(\beta x) \\ \end{align}": lambda x, beta: x * _sigmoid(beta * x),
    r"f(x) \triangleq x \tanh(x)": lambda x: x * np.tanh(x),
    r"f(x) \stackrel{\text{def}}{=} x \tanh(x)": lambda x: x * np.tanh(x),
    r"\mathbf{x} \odot \sigma(\mathbf{x})": lambda x: x * _sigmoid(x),
    r"x \odot \tanh(x)": lambda x: x * np.tanh(x),
    r"\max\left(\alpha x, x\right), \quad \alpha = 0.01": lambda x: np.maximum(0.01 * x, x),
    r"f(x) = \lambda x \text{ if } x > 0 \text{ else } \lambda\alpha(e^x - 1)": lambda x, lambda_, alpha: np.where(
        x > 0, lambda_ * x, lambda_ * alpha * np.expm1(x)
    ),
    "f(x)=x if x>=0 else 0.01x": lambda x: _leaky(x, 0.01),
    "max(0, x) − 0.5·max(0, −x)": lambda x: _relu(x) - 0.5 * _relu(-x),
    "x⋅Φ(x)": lambda x: x * _cdf(x),
    "x·eˣ/(1+e²ˣ)": lambda x: x * np.exp(x) / (1 + np.exp(2 * x)),
    "e^{−x²}": lambda x: np.exp(-x * x),
    "x∗σ(x)": lambda x: x * _sigmoid(x),
    "xσ(x)": lambda x: x * _sigmoid(x),
    "xtanh(x)": lambda x: x * np.tanh(x),
    "f(x) = xtanh(softplus(x))": lambda x: x * np.tanh(_softplus(x)),
    "xsigmoid(x)": lambda x: x * _sigmoid(x),
    "xe^{-x^2}": lambda x: x * np.exp(-x * x),
    "x^2e^{-|x|}": lambda x: x * x * np.exp(-abs(x)),
    "(x)_+^2": lambda x: _relu(x) ** 2,
    "[x]_+^2": lambda x: _relu(x) ** 2,
    "x_+": _relu,
    r"\max(x,0)^{\frac{3}{2}}": lambda x: _relu(x) ** 1.5,
    r"\left(\frac{x+|x|}{2}\right)^2": lambda x: _relu(x) ** 2,
    r"\frac{1}{1+\exp\{-x\}}": _sigmoid,
    r"\exp\{-x^2/2\}": lambda x: np.exp(-x * x / 2),
    r"x \min(1, \max(0, \frac{x}{6}+\frac{1}{2}))": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    r"x\frac{\tanh(x)+1}{2}": lambda x: x * (np.tanh(x) + 1) / 2,
    r"x(1+\operatorname{tanh}x)/2": lambda x: x * (np.tanh(x) + 1) / 2,
    r"\arctan x": np.arctan,
    r"{\rm ReLU}(x)": _relu,
    r"\mathop{\mathrm{sgn}}(x)\sqrt{|x|}": lambda x: np.sign(x) * np.sqrt(abs(x)),
    r"\sqrt{x^2+\epsilon}": lambda x, epsilon: np.sqrt(x * x + epsilon),
    r"x\,\mathrm{sigmoid}\,(x)": lambda x: x * _sigmoid(x),
    r"\frac{x}{\left(1+|x|^k\right)^{1/k}}": lambda x, k: x / (1 + abs(x) ** k) ** (1 / k),
    r"f(x_i) = x_i \sigma(x_i)": lambda x: x * _sigmoid(x),
    r"f(y_i) = \begin{cases} y_i, & \text{if } y_i > 0 \\ a_i y_i, & \text{if } y_i \leq 0 \end{cases}": lambda x, a_i: (
        np.where(x > 0, x, a_i * x)
    ),
    r"f(y_i)=\max(0,y_i)+a_i\min(0,y_i)": lambda x, a_i: _relu(x) + a_i * np.minimum(0, x),
    r"\text{softplus}(x) - \ln 2": lambda x: _softplus(x) - np.log(2),
    r"\ln(1+e^x)-\ln 2": lambda x: _softplus(x) - np.log(2),
    r"\log_2(1+2^x)": lambda x: np.log2(1 + 2**x),
    r"2^{x}": lambda x: 2.0**x,
    r"\text{GELU}(x)=0.5x(1+\tanh(\sqrt{2/\pi}(x+0.044715x^3)))": lambda x: _gelu_tanh(x),
    "GELU(x) = 0.5x(1 + tanh[√(2/π)(x + 0.044715x³)])": lambda x: _gelu_tanh(x),
    "x·Sigmoid(1.702·x)": lambda x: x * _sigmoid(1.702 * x),
    "SiLU(x) + α·sin(x)": lambda x, alpha: x * _sigmoid(x) + alpha * np.sin(x),
    "-x*exp(x)": lambda x: -x * np.exp(x),
    r"-\ln(1+e^{-x})": lambda x: -_softplus(-x),
    "1 − exp(−exp(x))": lambda x: 1 - np.exp(-np.exp(x)),
    "x ⊙ σ(x)": lambda x: x * _sigmoid(x),
    "x > 0 ? x : 0.1*x": lambda x: _leaky(x, 0.1),
    "(x > 0) ? x : 0": _relu,
    "(x > 0).float() * x": _relu,
    "(x>0)*x + (x<=0)*0.1*x": lambda x: _leaky(x, 0.1),
    "np.where((x > -1) & (x < 1), x, 0)": lambda x: np.where(abs(x) < 1, x, 0),
    "x.abs().sqrt()": lambda x: np.sqrt(abs(x)),
    "torch.exp(-x.pow(2)/2)": lambda x: np.exp(-x * x / 2),
    "x ** 3 / 3": lambda x: x**3 / 3,
    "torch.square(torch.relu(x))": lambda x: _relu(x) ** 2,
    "torch.pow(F.relu(x), 2)": lambda x: _relu(x) ** 2,
    "x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))": lambda x: x * _cdf(x),
    "0.5 * x * (1 + torch.tanh(x * 0.7978845608 * (1 + 0.044715 * x * x)))": lambda x: (
        0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))
    ),
    "torch.logaddexp(x, torch.zeros_like(x))": _softplus,
    "torch.special.log1p(x.exp())": _softplus,
}
"""As people and programs spell them."""
