"""Characters and LaTeX commands to plain words: what stands there, not yet what it means."""

from __future__ import annotations

import re
import unicodedata

from primitives.errors import ExpressionError
from primitives.names import CONSTANTS, is_parameter
from primitives.reading.words import NAMESPACES, known

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
    "nonumber": "", "notag": "", "odot": "*",
}  # fmt: skip
"""LaTeX commands that are no words of a formula; all others are called as they are written."""
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?")
_BARRED = {r"\left|": OPEN, r"\right|": CLOSE, r"\left\lvert": OPEN, r"\right\rvert": CLOSE}
_NAMED = re.compile(r"\\(?:operatorname\*?|math(?:rm|it|sf|tt|bf)|text(?:rm|it|bf)?|mathop)\s*\{\s*([^{}]*?)\s*\}")
_SPACES = re.compile(r"\\[,;:!> ]|~|\\\\$")
_ROOT = re.compile(r"\\sqrt\s*\[\s*(\d+)\s*\]")
_SUBSCRIPTS = re.compile(r"(?<=[A-Za-z]) +_ *(?=[A-Za-z0-9])")
_SUBSCRIPT = re.compile(r"(?<=[A-Za-z0-9])\s*_\s*\{\s*([A-Za-z0-9]+)\s*\}")
_MADE = re.compile(r"\b(nn\.[A-Z]\w*)\(([^()]*)\)\s*(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
"""A module of torch that is made and called at once."""
_IN_PLACE = re.compile(r",?\s*\binplace\s*=\s*(?:True|False)")
_APPROXIMATE = {r"(['\"])tanh\1|True": "1", r"(['\"])none\1|False": "0"}
_DOTTED = re.compile(r"(?<![\w.])([A-Za-z]\w*)((?:\.[A-Za-z_]\w*)+)")
_ALIGNED = re.compile(
    r"\\(?:begin|end)\s*\{(?:equation|align|aligned|split|gather|gathered|multline)\*?\}|\\(?:label|tag)\{[^{}]*\}"
)
_ABOVE = re.compile(r"\\(?:stackrel|overset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*\{\s*(:?=)\s*\}")
_GROUPED = re.compile(r"\{\s*([A-Za-z][\w.]*)\s*\}(?=\s*[(\[])")
_NORMAL = re.compile(r"\b(?:scipy\.)?(?:stats\.)?norm\.(cdf|pdf)\b")
_SLOPE = re.compile(
    r"\\[dt]?frac\s*\{\s*(?:d|\\partial|\\mathrm\s*\{\s*d\s*\})[^{}]*\}\s*\{\s*(?:d|\\partial|\\mathrm)"
)
_OVER_INDICES = re.compile(r"\\(sum|prod|int)(?![a-zA-Z])")
_POWER_OF_CALL = re.compile(r"\^\s*([0-9])")
_LETTERS = re.compile(_NAMED.pattern + r"|\\[a-zA-Z]+|[A-Za-z]{2,}")
_COMMAND = re.compile(r"\\([a-zA-Z]+)\*?")
_INDICATOR = re.compile(
    r"(?:\\math(?:bb|bf|ds|rm|bbm)\s*\{\s*[1I]\s*\}|\\mathbb\s*1|[𝟙𝟏]|\b[1I](?=\s*_))\s*_?\s*(?=\\left|\\\{|[\[({])"
)
"""The function that is 1 where a condition holds."""
_CASES = re.compile(
    r"(?:\\left\s*)?(?:\\\{|\\lbrace)?\s*\\begin\s*\{([dr]?cases\*?|array)\}(?:\s*\{[lcr ]*\})?((?:(?!\\begin).)*?)"
    r"\\end\s*\{\1\}(?:\s*\\right\s*\.)?",
    re.DOTALL,
)
_ROW = re.compile(r"\\\\(?:\[[^\]]*\])?|\\cr(?![a-zA-Z])")
_WORDS = re.compile(r"\\(?:text(?:rm|it|normal)?|math(?:rm|it)|mbox)\s*\{([^{}]*)\}")
_IF = re.compile(r"\b(?:if|for|when|where|all|and)\b")
_MATHS = re.compile(r"^\s*(?:\$\$?|\\\(|\\\[)|(?:\$\$?|\\\)|\\\])\s*$")


def plain(text: str) -> str:
    """Return a formula without Unicode's letters and without LaTeX's commands but fractions and roots.

    Raises:
        ExpressionError: it has an environment, which is not read yet, or bars that do not match.
    """
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
    text = _of_code(text)
    text = re.sub(r"\)\s*\|\|?\s*\(", ") or (", text) if re.search("[<>]", text) else text
    text = _SUBSCRIPTS.sub("_", _SUBSCRIPT.sub(lambda found: f"_{found[1]} ", text))
    return _barred(text)


def _of_code(text: str) -> str:
    """Return a formula with modules and methods of torch as functions, ``nn.ELU(0.5)(x)`` as ``nn.ELU(x, 0.5)``."""
    text = _NORMAL.sub(r"norm\1", _IN_PLACE.sub("", text))
    for written, number in _APPROXIMATE.items():
        text = re.sub(rf"\bapproximate\s*=\s*(?:{written})", f"approximate={number}", text)
    text = _MADE.sub(lambda made: f"{made[1]}{made[3]}{', ' * bool(made[2].strip())}{made[2]})", text)
    return _DOTTED.sub(_methods, text)


def _methods(found: re.Match[str]) -> str:
    """Return ``x .tanh`` of ``x.tanh``, so that what stands before the dot is read for itself."""
    return found[0] if found[1] in NAMESPACES else found[1] + found[2].replace(".", " .")


def parted(text: str, unknown: str) -> tuple[str, tuple[str, ...]]:
    """Return plain words with products with the unknown taken apart, ``ax`` and ``xtanh(x)``, and notes on them."""
    notes: list[str] = []

    def each(found: re.Match[str]) -> str:
        word = found[0]
        if known(word) or word in CONSTANTS or is_parameter(word):
            return word
        if len(word) == 2 and unknown in word and all(c in (unknown, "e") or is_parameter(c) for c in word):
            notes.append(f"'{word}' is read as {word[0]}*{word[1]}")
            return f"{word[0]} {word[1]}"
        if word.startswith(unknown) and known(word[len(unknown) :]) and re.match(r"\s*[\^(\[{]", text[found.end() :]):
            return f"{unknown} {word[len(unknown) :]}"
        return word

    return re.sub(r"(?<![\w.§¶\\])[A-Za-z]+(?![\w.])", each, text), tuple(notes)


def _without_commands(text: str) -> str:
    text = _ABOVE.sub("=", _ALIGNED.sub(" ", _MATHS.sub("", text.strip()))).strip()
    text = text.replace("&=", "=").replace("& =", "=")
    if _SLOPE.search(text):
        raise ExpressionError("a derivative is not read; write the function that it is")
    if over := _OVER_INDICES.search(text):
        raise ExpressionError(f"LaTeX's \\{over[1]} is not read; write its terms, as in a_0 + a_1 x + a_2 x^2")
    while (cases := _CASES.sub(_in_code, text)) != text:
        text = cases
    if environment := re.search(r"\\begin\s*\{(\w+)", text):
        raise ExpressionError(f"LaTeX's environment '{environment[1]}' is not read; 'cases' and 'array' are")
    for written, sign in _BARRED.items():
        text = text.replace(written, sign)
    text = _SPACES.sub(" ", _SIZES.sub("", text)).replace(r"\{", "(").replace(r"\}", ")").replace(r"\|", "|")
    text = _ROOT.sub(r"\\root [\1]", _NAMED.sub(r" \1 ", _LETTERS.sub(_apart, text)))
    # Of \frac12, x^23 and e^-x LaTeX takes one character.
    text = re.sub(r"(\\[dtc]?frac)\s*([0-9a-z])\s*([0-9a-z])", r"\1{\2}{\3}", text)
    text = re.sub(r"_\s*([0-9])", r"_{\1}", _POWER_OF_CALL.sub(r"^{\1}", text))
    text = _COMMAND.sub(lambda found: _word(found[1]), text)
    return _GROUPED.sub(lambda group: f" {group[1]} " if known(group[1]) else group[0], text)


def _in_code(found: re.Match[str]) -> str:
    """Return an environment by cases as a call: rows of a value and, behind ``&`` or a comma, a condition."""
    rows = [row for row in _ROW.split(found[2]) if row.strip()]
    return f" Piecewise({', '.join(map(_row, rows))}) "


def _row(row: str) -> str:
    plain_row = _WORDS.sub(lambda words: f" {words[1]} ", row)
    value, mark, condition = plain_row.partition("&")
    if not mark:
        value, _, condition = re.sub(r",?\s*\b(if|for|when|otherwise|else)\b", r"& \1", plain_row, count=1).partition(
            "&"
        )
    condition = re.sub(r"\band\b", r"\\land ", condition.replace("&", " ").strip(" ,.;"))
    condition = _IF.sub(" ", condition).strip(" ,.;:")
    if not re.search(r"[<>=≤≥≠]|\\(?:l|g|ne)", condition):
        condition = "1 > 0"
    return f"({value.strip(' ,.;')}, {re.sub('(?<![<>=!])=(?!=)', '==', condition)})"


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
