"""The grammar's tree to the infix of :func:`primitives.parser.parse`, with notes on what could mean something else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, NamedTuple, final

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from primitives.errors import ExpressionError, nearest
from primitives.names import CONSTANTS, PARAMETER_NAMES, is_parameter, parameter_name
from primitives.parser import MAX_DEPTH, MAX_LENGTH
from primitives.reading.cases import Both, Certain, Condition, Not, compared, covers, either, piecewise, selected
from primitives.reading.code import indexed
from primitives.reading.settings import SETTINGS, with_settings
from primitives.reading.statement import Definition
from primitives.reading.words import CASES, ELSEWHERE, INVERSES, known, meant, names, no_function, said_of
from primitives.references import ALIASES, library_names, reference
from primitives.table import all_primitives, get, synonyms

_ADD, _MUL, _NEG, _POW, _ATOM = range(1, 6)
_VARIABLES = (
    *("z", "u", "t", "y", "v", "s", "r", "w", "h", "X", "input", "inputs", "inp", "features", "hidden_states"),
    *("hidden_state",),
)
"""What may stand for x where it is the only unknown."""
_MANY = ("max", "min")
_FUNCTIONS_TOO = re.compile(r"(?:^|\*)((?:[A-Z]|gamma|beta|zeta|psi|chi|[fgh])(?:_\w+)?)$")
"""The end of a product that is read as a letter, and that others would read as a function's name."""
_CLIPS = ("clip", "clamp", "clip_by_value")
_EXPONENT = re.compile(r"(?<![\w.])[eE]\*\*(-?(?:\d+\.?\d*|[A-DF-Za-df-wyz]\w*))$")
"""An exponential whose exponent stands without brackets and has no unknown in it: what follows belongs to it."""


class Text(NamedTuple):
    """A piece of infix, and how tightly it binds."""

    text: str
    binds: int
    condition: Condition | None = None

    def within(self, least: int) -> str:
        """Return it, in brackets where something binds more tightly around it."""
        return self.text if self.binds >= least else f"({self.text})"


class Several(NamedTuple):
    """What stands in brackets with commas between."""

    parts: tuple[Text, ...]


@dataclass
class Found:
    """What was met on the way.

    Attributes:
        variable: the unknown.
        names: parameters of the formula itself.
        initial: values of parameters that functions of the library bring.
        notes: what is said back.
        own: functions that the text defines.
        within: those of them whose definition is being read.
    """

    variable: str
    names: frozenset[str]
    own: Mapping[str, Definition] = field(default_factory=dict)
    within: tuple[str, ...] = ()
    initial: dict[str, float] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def say(self, sentence: str) -> None:
        """Note a sentence once."""
        if sentence:
            self.notes.setdefault(sentence)


def rewritten(text: str, found: Found) -> str:
    """Return a formula of plain words in our own infix.

    Args:
        text: of :func:`primitives.reading.letters.plain`.
        found: takes what is met.

    Raises:
        ExpressionError: it is no formula, or has a name that nobody knows.
    """
    try:
        tree = _grammar().parse(_marked(text, found.own))
    except UnexpectedInput as error:
        raise _refusal(text, error) from None
    try:
        result: Text = _Rewriting(found).transform(tree)
    except (VisitError, RecursionError) as error:
        reason = error.orig_exc if isinstance(error, VisitError) else error
        if isinstance(reason, RecursionError):
            reason = ExpressionError(f"the formula is nested too deeply; more than {MAX_DEPTH} levels are refused")
        raise reason from None
    return result.text


def _marked(text: str, own: Mapping[str, Definition]) -> str:
    """Return a formula with a sign before what the text defines, so that it is nothing else."""
    for name, definition in own.items():
        if definition.argument is None:
            text = re.sub(rf"(?<![\w§¶.]){name}(?!\w)", f"¶{name}", text)
        else:
            text = re.sub(rf"(?<![\w§¶.]){name}(?=\s*[(\[{{])", f"§{name}", text)
    return text


@cache
def _grammar() -> Lark:
    grammar = resources.files("primitives.reading").joinpath("formula.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer_callbacks={"NAME": _function_or_name}, maybe_placeholders=False)


def _function_or_name(token: Token) -> Token:
    return token.update(type="FUNCTION") if known(token.value) or no_function(token.value) else token


def _refusal(text: str, error: UnexpectedInput) -> ExpressionError:
    """Return the sentence for what does not fit, without the grammar's own words."""
    place = error.pos_in_stream or 0
    at = f"at position {place + 1}"
    token = error.token if isinstance(error, UnexpectedToken) else None
    before = (text if token is not None and token.type == "$END" else text[:place]).rstrip()
    if isinstance(error, UnexpectedCharacters):
        return ExpressionError(f"'{text[place]}' {at} is no part of a formula: '{text.strip()}'")
    word = re.search(r"([A-Za-z_][\w.]*)$", before)
    if word and known(word[1]) and (token is None or token.type not in ("NAME", "NUMBER")):
        name = word[1]
        return ExpressionError(f"'{name}' is a function and needs its input in brackets, as in {name}(x)")
    if token is None or token.type == "$END":
        return ExpressionError(
            f"the formula '{text.strip()}' ends too early; something is missing after '{before[-20:]}'"
        )
    return ExpressionError(f"'{token.value}' {at} does not fit after '{before[-20:]}' in '{text.strip()}'")


@final
class _Rewriting(Transformer[Token, Text]):
    """Puts pieces together from the leaves up; each method is named after what the grammar calls a rule."""

    def __init__(self, found: Found) -> None:
        super().__init__(visit_tokens=False)
        self._found = found

    # --- arithmetic -------------------------------------------------------------------------

    def start(self, parts: list[Text]) -> Text:
        return parts[0]

    def add(self, parts: list[Text]) -> Text:
        return Text(f"{parts[0].within(_ADD)} + {parts[1].within(_ADD)}", _ADD)

    def subtract(self, parts: list[Text]) -> Text:
        return Text(f"{parts[0].within(_ADD)} - {parts[1].within(_MUL)}", _ADD)

    def multiply(self, parts: list[Text]) -> Text:
        return Text(f"{parts[0].within(_MUL)}*{parts[1].within(_NEG)}", _MUL)

    def divide(self, parts: list[Text]) -> Text:
        return Text(f"{parts[0].within(_MUL)}/{parts[1].within(_NEG)}", _MUL)

    def beside(self, parts: list[Text]) -> Text:
        self._check_numbers(parts)
        if (exponential := _EXPONENT.search(parts[0].text)) and re.fullmatch(r"[A-Za-z]\w*", parts[1].text):
            power = f"e**({exponential[1]}*{parts[1].text})"
            self._found.say(f"'{exponential[0]} {parts[1].text}' is read as {power}")
            return Text(parts[0].text[: exponential.start()] + power, parts[0].binds)
        product = self.multiply(parts)
        if re.search(r"\*\*-?[\w.]+$", parts[0].text) and re.fullmatch(r"[A-Za-z]\w*", parts[1].text):
            self._found.say(f"'{parts[0].text} {parts[1].text}' is read as ({parts[0].text})*{parts[1].text}")
        if re.search(r"(?:^|\*)e$", parts[0].text) and re.fullmatch(r"[A-Za-z]\w*", parts[1].text):
            self._found.say(f"'e {parts[1].text}' is read as e*{parts[1].text}, not as a power")
        if re.fullmatch(r"\(\d+\)", parts[1].text):
            self._found.say(f"'{parts[0].text} {parts[1].text}' is read as a product")
        if parts[0].binds == _MUL and re.search(r"/[\w.]+$", parts[0].text):
            self._found.say(f"'{parts[0].text} {parts[1].text}' is read as ({parts[0].text})*{parts[1].text}")
        letter = _FUNCTIONS_TOO.search(parts[0].text)
        if letter and parts[1].text.startswith("("):
            self._found.say(f"'{letter[1]}{parts[1].text}' is read as a product; no such function is known")
        return product

    def _check_numbers(self, parts: list[Text]) -> None:
        if re.search(r"(?:^|[-+*/(])[\d.]+$", parts[0].text) and re.match(r"[\d.]", parts[1].text):
            raise ExpressionError(f"'{parts[0].text} {parts[1].text}' is no product; write a sign between the numbers")

    def negate(self, parts: list[Text]) -> Text:
        return Text(f"-{parts[0].within(_NEG)}", _NEG)

    def raised(self, parts: list[Text]) -> Text:
        if re.fullmatch(r"\(+1/[3579]\)+", parts[1].text):
            self._found.say(
                f"{parts[0].text}**{parts[1].text} is not real below 0; the real root is cbrt(x), or \\sqrt[n]{{x}}"
            )
        return Text(f"{parts[0].within(_ATOM)}**{parts[1].within(_NEG)}", _POW)

    def bracketed(self, parts: list[Text]) -> Text:
        is_so = parts[0].binds == _ATOM and parts[0].text.startswith("(")
        return Text(parts[0].text if is_so else f"({parts[0].text})", _ATOM, parts[0].condition)

    def positive_part(self, parts: list[Any]) -> Text:
        return Text(f"relu({parts[0].text})", _ATOM)

    def absolute(self, parts: list[Text]) -> Text:
        return Text(f"abs({parts[0].text})", _ATOM)

    def fraction(self, parts: list[Text]) -> Text:
        return Text(f"({parts[0].within(_MUL)}/{parts[1].within(_ATOM)})", _ATOM)

    def root(self, parts: list[Any]) -> Text:
        degree, body = int(float(parts[0])), parts[1]
        if degree == 2:
            return Text(f"sqrt({body.text})", _ATOM)
        if degree % 2:
            return Text(f"(sign({body.text})*abs({body.text})**(1/{degree}))", _ATOM)
        return Text(f"{body.within(_ATOM)}**(1/{degree})", _POW)

    # --- conditions, each a step where it stands for a number ---------------------------------

    def compared(self, parts: list[Any]) -> Text:
        signs = [str(part) for part in parts[1::2]]
        if "==" in signs or "!=" in signs:
            self._found.say("what a formula is at a single point is not kept; it is there what it is without that")
        return _truth(compared([part.within(_MUL) for part in parts[::2]], signs))

    def both(self, parts: list[Text]) -> Text:
        return _truth(Both(*map(self._condition, parts)))

    def either(self, parts: list[Text]) -> Text:
        return _truth(either(*map(self._condition, parts)))

    def opposite(self, parts: list[Text]) -> Text:
        return _truth(Not(self._condition(parts[0])))

    def ternary(self, parts: list[Text]) -> Text:
        then, condition, otherwise = parts
        return Text(f"({selected(self._condition(condition), then.text, otherwise.text)})", _ATOM)

    def chosen(self, parts: list[Text]) -> Text:
        return self.ternary([parts[1], parts[0], parts[2]])

    def _condition(self, part: Text) -> Condition:
        if part.condition is None:
            raise ExpressionError(f"'{part.text}' is no condition; write one such as x > 0")
        return part.condition

    def _by_cases(self, word: str, arguments: Sequence[Any]) -> Text:
        if arguments and isinstance(arguments[0], Several):
            pairs: list[tuple[Text, ...]] = [each.parts if isinstance(each, Several) else (each,) for each in arguments]
            if any(len(pair) != 2 for pair in pairs[:-1]) or len(pairs[-1]) > 2:
                raise ExpressionError(
                    f"{word} takes pairs of a value and a condition, as in {word}((x, x > 0), (0, True))"
                )
            rows = [(pair[0].text, self._condition(pair[1]) if pair[1:] else Certain()) for pair in pairs]
            if not covers(rows):
                self._found.say("the last case is taken wherever no other one holds")
            return Text(f"({piecewise(rows)})", _ATOM)
        if len(arguments) != 3 or not all(isinstance(argument, Text) for argument in arguments):
            raise ExpressionError(f"{word} takes a condition and two values, as in {word}(x > 0, x, 0)")
        first, then, otherwise = arguments
        own = first.condition is None and word == "where"
        chosen = f"where({first.text}, {then.text}, {otherwise.text})" if own else None
        return Text(f"({chosen or selected(self._condition(first), then.text, otherwise.text)})", _ATOM)

    # --- names and numbers ------------------------------------------------------------------

    def number(self, parts: list[Token]) -> Text:
        if re.match(r"0\d", parts[0]):
            raise ExpressionError(f"'{parts[0]}' is no number; a fraction has a point, as in 0.01")
        return Text(str(parts[0]), _ATOM)

    def name(self, parts: list[Token]) -> Text:
        if str(parts[0]) in ("True", "true"):
            return _truth(Certain())
        if str(parts[0]) in ("False", "false"):
            return _truth(Not(Certain()))
        return Text("None" if str(parts[0]) == "None" else self._name(str(parts[0])), _ATOM)

    def _name(self, word: str) -> str:
        if word in ("x", self._found.variable):
            return "x"
        *modules, last = word.split(".")
        if modules and last in CONSTANTS:
            return last
        if word in CONSTANTS:
            return word
        if is_parameter(word):
            return parameter_name(word)
        if is_parameter(indexed(word)):
            return indexed(word)
        raise ExpressionError(_unknown(word))

    # --- functions --------------------------------------------------------------------------

    def arguments(self, parts: list[Any]) -> list[Any]:
        if len(parts) == 1 and isinstance(parts[0], Several):  # LaTeX's braces around brackets
            return [*parts[0].parts]
        return [each for part in parts for each in (part if isinstance(part, list) else [part])]

    def several(self, parts: list[Text]) -> Several:
        return Several(tuple(parts))

    def keyword(self, parts: list[Any]) -> tuple[str, Text]:
        return str(parts[0]).rstrip("= \t"), parts[1]

    def operand(self, parts: list[Any]) -> list[Any]:
        tokens = [part for part in parts if isinstance(part, Token)]
        texts = [part for part in parts if isinstance(part, Text)]
        factors = [str(token) if token.type == "NUMBER" else self._name(str(token)) for token in tokens]
        if texts:
            power = f"{factors.pop()}**{texts[0].within(_NEG)}" if factors else texts[0].text
            factors.append(power)
        return [Text("*".join(factors), _MUL)]

    def bare_bars(self, parts: list[Text]) -> list[Any]:
        return [self.absolute(parts)]

    def exponent(self, parts: list[Any]) -> str:
        return "".join(map(str, parts))

    def called(self, parts: list[Any]) -> Text:
        return self._call(str(parts[0]), parts[1])

    def method(self, parts: list[Any]) -> Text:
        word = str(parts[1])[1:]
        if not known(word):
            raise ExpressionError(_unknown(word))
        return self._call(word, [parts[0], *(parts[2] if parts[2:] else [])])

    def called_own(self, parts: list[Any]) -> Text:
        name, arguments = str(parts[0])[1:], parts[1]
        self._check(name, 1, len(arguments))
        if not isinstance(arguments[0], Text):
            raise ExpressionError(f"{name} takes one input")
        return self._own(name, arguments[0].text)

    def own_value(self, parts: list[Token]) -> Text:
        return self._own(str(parts[0])[1:], "x")

    def _own(self, name: str, inner: str) -> Text:
        """Return the formula of a function that the text defines, of something."""
        found = self._found
        if name not in found.own:
            raise ExpressionError(f"'{name}' is an unknown name")
        if name in found.within:
            raise ExpressionError(f"'{name}' is defined by itself")
        own = found.own[name]
        inside = replace(found, variable=own.argument or found.variable, within=(*found.within, name))
        text = re.sub(r"\bx\b", lambda _: f"({inner})", rewritten(own.formula, inside))
        if len(text) > MAX_LENGTH:
            raise ExpressionError(f"the formula becomes longer than the limit of {MAX_LENGTH} characters")
        return Text(f"({text})", _ATOM)

    def called_bare(self, parts: list[Any]) -> Text:
        inner = parts[1][0].text
        if str(parts[0]) not in ("sqrt", "cbrt") or not re.fullmatch(r"\w+|\(.*\)", inner):  # a sign has its reach
            self._found.say(f"'{parts[0]} {inner}' is read as {parts[0]}({inner})")
        return self._call(str(parts[0]), parts[1])

    def called_and_raised(self, parts: list[Any]) -> Text:
        word, (exponent, arguments) = str(parts[0]), parts[1:]
        meaning = meant(word) or word
        if float(exponent) == -1:
            inverse = INVERSES.get(synonyms().get(meaning, meaning))
            if inverse is None:
                raise ExpressionError(
                    f"'{word}^-1' is the inverse function, which is not known; write 1/{word}(x) for the reciprocal"
                )
            self._found.say(f"{word}^-1 is the inverse function {inverse}; write 1/{word}(x) for the reciprocal")
            return self._call(inverse, arguments)
        called = self._call(word, arguments)
        power = f"({exponent})" if exponent.startswith("-") else exponent
        return Text(f"{called.within(_ATOM)}**{power}", _POW)

    def _call(self, word: str, arguments: Sequence[Any]) -> Text:
        meaning = _meaning(word)
        if meaning.split(".")[-1] in _CLIPS:
            return self._clip(word, arguments)
        if meaning in CASES:
            return self._by_cases(word, arguments)
        inner = [argument for argument in arguments if isinstance(argument, Text)]
        last = meant(meaning.rpartition(".")[2]) or meaning
        needed = meaning not in ELSEWHERE and meaning not in library_names() and meaning not in _primitives()
        if (
            last in SETTINGS
            and (needed or len(arguments) > 1)
            and not any(isinstance(each, Several) for each in arguments)
        ):
            return Text(f"({with_settings(word, last, [_plainly(each) for each in arguments])})", _ATOM)
        if len(inner) < len(arguments):
            key = next(argument[0] for argument in arguments if not isinstance(argument, Text))
            if not isinstance(key, str):
                raise ExpressionError(f"{word} takes numbers, not several in brackets")
            raise ExpressionError(f"'{key}=' in {word}(...) is not read; write what it stands for into the formula")
        name = synonyms().get(meaning, meaning)
        own = name in _primitives() and get(name).arity == len(inner)
        if not own or len(inner) == 1:
            self._found.say(said_of(word) or said_of(meaning))
        if meaning in ELSEWHERE and not own:
            return self._elsewhere(word, ELSEWHERE[meaning], inner)
        if name in _MANY and len(inner) > 2:
            return Text(self._nested(name, inner), _ATOM)
        if name in _primitives():
            self._check(word, get(name).arity, len(inner))
            return Text(f"{name}({', '.join(argument.text for argument in inner)})", _ATOM)
        self._check(word, 1, len(inner))
        return self._of_library(ALIASES.get(meaning, meaning), inner[0])

    def _nested(self, name: str, inner: Sequence[Text]) -> str:
        first, *rest = inner
        return f"{name}({first.text}, {self._nested(name, rest)})" if rest else first.text

    def _elsewhere(self, word: str, template: str, inner: Sequence[Text]) -> Text:
        wanted = 1 + max(int(place) for place in re.findall(r"\{(\d)\}", template))
        self._check(word, wanted, len(inner))
        plain = re.fullmatch(r"\w+\([^()]*\)", template) is not None
        text = template.format(*(argument.text if plain else argument.within(_ATOM) for argument in inner))
        return Text(text if plain else f"({text})", _ATOM)

    def _clip(self, word: str, arguments: Sequence[Any]) -> Text:
        by_place = [argument for argument in arguments if isinstance(argument, Text)]
        by_name = dict(argument for argument in arguments if not isinstance(argument, Text))
        limits = dict(zip(("min", "max"), by_place[1:], strict=False))
        limits |= {re.sub(r"^a_", "", key).removesuffix("_value"): value for key, value in by_name.items()}
        limits = {key: value for key, value in limits.items() if value.text != "None"}
        if not by_place or not 1 <= len(limits) <= 2 or not set(limits) <= {"min", "max"}:
            raise ExpressionError(f"{word} takes an input and its limits, as in {word}(x, 0, 6)")
        text = by_place[0].text
        text = f"max({text}, {limits['min'].text})" if "min" in limits else text
        return Text(f"min({text}, {limits['max'].text})" if "max" in limits else text, _ATOM)

    def _check(self, word: str, wanted: int, given: int) -> None:
        if wanted != given:
            raise ExpressionError(f"{word} takes {wanted} argument{'s' if wanted > 1 else ''}, {given} given")

    def _of_library(self, name: str, inner: Text) -> Text:
        """Return a known activation's formula of something, with names for its parameters that nothing else has."""
        expression = reference(name).expression
        renamed: dict[str, str] = {}
        for own in expression.parameters:
            taken = self._found.names | self._found.initial.keys() | set(renamed.values())
            renamed[own] = own if own not in taken else next(each for each in PARAMETER_NAMES if each not in taken)
            if renamed[own] != own:
                self._found.say(f"{own} of {name} is called {renamed[own]}, since the formula has another {own}")
        self._found.initial |= {renamed[own]: value for own, value in expression.initial}
        words = {"x": f"({inner.text})", **renamed}
        text = re.sub(r"[A-Za-z_]\w*", lambda word: words.get(word[0], word[0]), expression.formula)
        return Text(f"({text})", _ATOM)


def _meaning(word: str) -> str:
    meaning = meant(word)
    if meaning is None:
        raise ExpressionError(no_function(word))
    return meaning


def _plainly(argument: Any) -> tuple[str, str]:
    """Return an argument's keyword, empty where it has none, and its infix."""
    key, value = ("", argument) if isinstance(argument, Text) else argument
    return key, value.text


def _truth(condition: Condition) -> Text:
    return Text(f"({selected(condition, '1', '0')})", _ATOM, condition)


def _primitives() -> frozenset[str]:
    return frozenset(each.name for each in all_primitives())


def _unknown(word: str) -> str:
    if reason := no_function(word):
        return reason
    if "." in word:
        return f"'{word}' is unknown; write the function's name and its input, as in tanh(x)"
    if (
        len(word) == 2
        and word not in ("if", "tl")
        and word.isalpha()
        and word.islower()
        and all(is_parameter(c) or c in "xe" for c in word)
    ):
        return f"'{word}' is unknown; write '{'*'.join(word)}' if a product is meant"
    if re.fullmatch(r"x\d+", word):
        return f"'{word}' is unknown; write 'x**{word[1:]}' for a power, '{word[1:]}*x' for a product"
    hint = nearest(word, ["x", *PARAMETER_NAMES, *CONSTANTS, *names()])
    return f"'{word}' is an unknown name{hint or '; use x, a letter such as a or alpha for a parameter, pi or e'}"


def variable(text: str, given: str | None, own: Mapping[str, Definition]) -> str:
    """Return the name of the unknown of a formula of plain words.

    Args:
        text: the formula.
        given: what it is called where the formula says so.
        own: what the text defines, which is no unknown.

    Returns:
        That, else x, or another letter where it is the only one and no x is there.
    """
    if given is not None:
        return given
    words = set(re.findall(r"[A-Za-z_][A-Za-z_0-9.]*", text)) - own.keys()
    others = [word for word in sorted(words) if re.sub(r"_[A-Za-z0-9]{1,3}$", "", word) in (*_VARIABLES, "x")]
    others = others or [word for word in sorted(words) if len(word) == 1 and is_parameter(word) and not known(word)]
    return others[0] if "x" not in words and len(others) == 1 else "x"
