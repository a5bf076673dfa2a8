"""Characters and LaTeX commands to plain words: what stands there, not yet what it means."""

from __future__ import annotations

import re
import unicodedata

from primitives.errors import ExpressionError
from primitives.reading.code import of_code
from primitives.reading.rows import with_rows
from primitives.reading.words import known

OPEN, CLOSE = "⟨", "⟩"
"""The bars of an absolute value, told apart."""

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ο": "omicron", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Φ": "Phi",
    "Θ": "Theta",
    "ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta", "ϱ": "rho", "ς": "sigma",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿˣ", "0123456789+-nx", strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊", "0123456789+", strict=True))
_SIGNS = {
    "−": "-", "–": "-", "·": "*", "×": "*", "⋅": "*", "∗": "*", "÷": "/", "∕": "/", "⁄": "/",
    "⊙": "*",
    "≔": "=", "≐": "=", "≜": "=", "≝": "=", "≡": "=", "≈": "=", "≅": "=", "→": "↦", "⟼": "↦",
    "∙": "*", "•": "*", "⌊": " floor(", "⌋": ")", "⌈": " ceil(", "⌉": ")", "│": "|", "❘": "|",
    "∈": " ∈ ", "ℝ": " reals ",
    "√": " sqrt ", "∛": " cbrt ", "≤": "<=", "≥": ">=", "≠": "!=", "∞": " infinity ", "∣": "|", "‖": "|",
    "½": "(1/2)", "⅓": "(1/3)", "⅔": "(2/3)", "¼": "(1/4)", "¾": "(3/4)", "⅛": "(1/8)",
}  # fmt: skip
_RUN_RAISED = re.compile(f"[{''.join(_RAISED)}]+")
_RUN_LOWERED = re.compile(f"[{''.join(_LOWERED)}]+")

_COMMANDS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">=", "lt": "<",
    "gt": ">", "leqslant": "<=", "geqslant": ">=", "ne": "!=", "neq": "!=", "land": "∧", "wedge": "∧", "lor": "∨",
    "vee": "∨", "neg": "¬", "lnot": "¬", "lfloor": " floor(", "rfloor": ")", "lceil": " ceil(", "rceil": ")",
    "lvert": OPEN, "rvert": CLOSE, "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")", "lbrace": "(",
    "rbrace": ")", "varphi": " phi ", "varepsilon": " epsilon ", "vartheta": " theta ", "varrho": " rho ",
    "operatorname": "", "mathrm": "", "mathit": "", "mathsf": "", "mathtt": "", "mathbf": "", "textrm": "", "text": "",
    "textit": "", "textbf": "", "mathop": "", "boldsymbol": "", "displaystyle": "", "limits": "", "nolimits": "",
    "quad": " ", "qquad": " ", "dfrac": r"\frac ", "tfrac": r"\frac ", "cfrac": r"\frac ", "frac": r"\frac ",
    "root": r"\root ", "doteq": "=", "triangleq": "=", "equiv": "=", "coloneqq": "=", "coloneq": "=", "approx": "=",
    "mapsto": "↦", "to": "↦", "rightarrow": "↦", "longmapsto": "↦",
    "bm": "", "mathcal": "", "rm": "", "bf": "", "vec": "",
    "hat": "", "tilde": "", "bar": "", "widetilde": "", "widehat": "", "vert": "|", "mid": "|", "in": " ∈ ",
    "nonumber": "", "notag": "", "odot": "*",
}  # fmt: skip
"""LaTeX commands that are no words of a formula; all others are called as they are written."""
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?")
_BARRED = {
    r"\left|": OPEN,
    r"\right|": CLOSE,
    r"\left\vert": OPEN,
    r"\right\vert": CLOSE,
    r"\left\lvert": OPEN,
    r"\right\rvert": CLOSE,
}
_NAMED = re.compile(r"\\(?:operatorname\*?|math(?:rm|it|sf|tt|bf)|text(?:rm|it|bf)?|mathop)\s*\{\s*([^{}]*?)\s*\}")
_SPACES = re.compile(r"\\[,;:!> ]|~|\\\\$")
_ROOT = re.compile(r"\\sqrt\s*\[\s*(\d+)\s*\]")
_OTHER_ROOT = re.compile(r"\\sqrt\s*\[\s*([^\]\d]+)\s*\]")
_REALS = re.compile(r"\\math(?:bb|bf|ds)\s*\{?\s*R\s*\}?(?:\^\{?\w\}?)?")
_SPACE = re.compile(
    r"^\s*\w+\s*(?::|\\colon)\s*(?:\\mathbb\s*\{?\s*R\s*\}?|ℝ)\s*(?:\\to|→)\s*(?:\\mathbb\s*\{?\s*R\s*\}?|ℝ)\s*[,;.]?\s*(?:\\q?quad)?"
)
_NUMBERED = re.compile(r"(?:\s{2,}|\t|\\q?quad\s*|\\hfill\s*)\(\d{1,3}[a-z]?\)\s*[.,;]?\s*$")
_PLUS = re.compile(r"\^\s*(?:\{\s*\+\s*\}|\+(?=\s*(?:$|[-+*/).,;\]}])))")
_SIDES = re.compile(
    r"(?<![A-Za-z])((?:\\?(?:alpha|beta|gamma|delta|lambda|mu|theta|omega|eta|kappa))|[αβγδλμθωηκ])\s*_\s*(?:\{\s*([-+])\s*\}|([-+])(?=\s*[\w(\\]))"
)
_SLOPE = (
    r"(?<![A-Za-z])d\s*/\s*d\s*x\b"
    r"|\\[dt]?frac\s*\{\s*(?:d|\\partial|\\mathrm\s*\{\s*d\s*\})[^{}]*\}\s*\{\s*(?:d|\\partial|\\mathrm)"
)
_FORBIDDEN = {
    _SLOPE: "a derivative is not read; write the function that it is",
    r"\bx\s*\[\s*-?\d+\s*\]": "one place of x is not read; an activation has a single number as its input",
    r"\d[jJ]\b": "complex numbers are not read; an activation is real",
}
_SUBSCRIPTS = re.compile(r"(?<=[A-Za-z]) +_ *(?=[A-Za-z0-9])")
_SUBSCRIPT = re.compile(r"(?<=[A-Za-z0-9])\s*_\s*\{\s*([A-Za-z0-9, ]+)\s*\}")
_ALIGNED = re.compile(
    r"\\(?:begin|end)\s*\{(?:equation|align|aligned|split|gather|gathered|multline)\*?\}|\\(?:label|tag)\{[^{}]*\}"
)
_ABOVE = re.compile(r"\\(?:stackrel|overset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(:?=)\s*\}")
_GROUPED = re.compile(r"\{\s*([A-Za-z][\w.]*)\s*\}(?=\s*[(\[])")
_OVER_INDICES = re.compile(r"\\(sum|prod|int)(?![a-zA-Z])")
_POWER_OF_CALL = re.compile(r"\^\s*([0-9])")
_LETTERS = re.compile(_NAMED.pattern + r"|\\[a-zA-Z]+|[A-Za-z]{2,}")
_COMMAND = re.compile(r"\\([a-zA-Z]+)\*?")
_INDICATOR = re.compile(
    r"(?:\\math(?:bb|bf|ds|rm|bbm)\s*\{\s*[1I]\s*\}|\\mathbb\s*1|[𝟙𝟏]|\\chi(?=\s*_\s*\{[^{}]*[<>])|\b[1I](?=\s*_)|\b[1I](?=\s*[(\[{][^()\[\]{}]*[<>≤≥]))\s*_?\s*(?=\\left|\\\{|[\[({])"
)
"""The function that is 1 where a condition holds."""
_MATHS = re.compile(r"^\s*(?:\$\$?|\\\(|\\\[)|(?:\$\$?|\\\)|\\\])\s*[.,;]?\s*$")


def plain(text: str) -> str:
    """Return a formula without Unicode's letters and without LaTeX's commands but fractions and roots.

    Raises:
        ExpressionError: it has an environment, which is not read yet, or bars that do not match.
    """
    text = _NUMBERED.sub("", _SPACE.sub("", text)).replace(r"\_", "_")
    for written, reason in _FORBIDDEN.items():
        if re.search(written, text):
            raise ExpressionError(reason)
    text = _SIDES.sub(lambda side: f"{side[1]}_{'p' if '+' in (side[2], side[3]) else 'n'} ", _PLUS.sub("_+", text))
    text = _INDICATOR.sub(" indicator ", text)
    text = re.sub("(?<=[^⁰¹²³⁴-⁹ⁿˣ])[⁺₊](?![⁰¹²³⁴-⁹])", "_+", text)
    for letter, sign in _SIGNS.items():
        text = text.replace(letter, sign)
    text = _RUN_RAISED.sub(lambda run: f"^({''.join(_RAISED[c] for c in run[0])})", text)
    text = _RUN_LOWERED.sub(lambda run: f"_{''.join(_LOWERED[c] for c in run[0])} ", text)
    text = unicodedata.normalize("NFKC", text)
    for letter, name in _GREEK.items():
        text = text.replace(letter, f" {name} ")
    if "\\" in text or "$" in text:
        text = _without_commands(text)
    text = of_code(text)
    text = re.sub(r"\)\s*\|\|?\s*\(", ") or (", text) if re.search("[<>]", text) else text
    text = _SUBSCRIPTS.sub("_", _SUBSCRIPT.sub(lambda found: f"_{re.sub('[, ]', '', found[1])} ", text))
    return _barred(text)


def _without_commands(text: str) -> str:
    text = _ABOVE.sub("=", _ALIGNED.sub(" ", _MATHS.sub("", text.strip()))).strip()
    text = text.replace("&=", "=").replace("& =", "=")
    if over := _OVER_INDICES.search(text):
        raise ExpressionError(f"LaTeX's \\{over[1]} is not read; write its terms, as in a_0 + a_1 x + a_2 x^2")
    text = with_rows(text)
    if environment := re.search(r"\\begin\s*\{(\w+)", text):
        raise ExpressionError(f"LaTeX's environment '{environment[1]}' is not read; 'cases' and 'array' are")
    for written, sign in _BARRED.items():
        text = text.replace(written, sign)
    if root := _OTHER_ROOT.search(text):
        raise ExpressionError(f"a root of degree {root[1].strip()} is not read; write x^(1/{root[1].strip()})")
    text = _REALS.sub(r"\\Reals ", text)
    text = _SPACES.sub(" ", _SIZES.sub("", text)).replace(r"\{", "(").replace(r"\}", ")").replace(r"\|", "|")
    text = _ROOT.sub(r"\\root [\1]", _NAMED.sub(r" \1 ", _LETTERS.sub(_apart, text)))
    # Of \frac12, x^23 and e^-x LaTeX takes one character.
    text = re.sub(r"(\\[dtc]?frac)\s*([0-9a-z])\s*([0-9a-z])", r"\1{\2}{\3}", text)
    text = re.sub(r"_\s*([0-9])", r"_{\1}", _POWER_OF_CALL.sub(r"^{\1}", text))
    text = _COMMAND.sub(lambda found: _word(found[1]), text)
    return _GROUPED.sub(lambda group: f" {group[1]} " if known(group[1]) else group[0], text)


def _apart(found: re.Match[str]) -> str:
    """Return letters that stand side by side as LaTeX has them, each alone, unless they are a function's name."""
    word = found[0]
    return word if word.startswith("\\") or known(word) or found[1] else " ".join(word)


def _word(command: str) -> str:
    return _COMMANDS.get(command, f" {command} ")


def _barred(text: str) -> str:
    """Return the text with every bar told apart: one closes where an operand has just ended within an open one."""
    found: list[str] = []
    stack: list[str] = []
    last = ""
    for character in text:
        sign = character
        if character in "([{":
            stack.append(character)
        elif character in ")]}" and stack and stack[-1] != "|":
            stack.pop()
        elif character == "|":
            closes = bool(stack) and stack[-1] == "|" and last not in "+-*/^,(<>=&∧∨[{⟨"
            sign = CLOSE if closes else OPEN
            if closes:
                stack.pop()
            else:
                stack.append("|")
        found.append(sign)
        last = last if character.isspace() else sign
    if "|" in stack:
        raise ExpressionError(f"the bars '|' of '{text.strip()}' do not match; write abs(x) for the absolute value")
    return "".join(found)
