from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from primitives import Mark
from runs import packing

finite = st.floats(allow_nan=False, allow_infinity=False)
six_digits = st.builds(
    lambda digits, power: float(f"{digits}e{power}"), st.integers(-999_999, 999_999), st.integers(-12, -4)
)


def same(one, other):
    """Equal to the last bit, and -0 is not 0."""
    return [(type(a), a, math.copysign(1, a)) for a in one] == [(type(a), a, math.copysign(1, a)) for a in other]


@given(st.lists(st.one_of(six_digits, finite, st.just(0.0)), max_size=25))
@example([-0.0, 0.0, 1.90711, 0.000770332])
@example([1e6, 1.0])
@example([1e-300])
@example([math.nan])
@example([])
def test_losses_come_back_to_the_last_bit_or_are_not_packed(values):
    packed = packing.pack_losses(values)
    assert packed is None or same(packing.unpack_losses(packed), values)


@given(st.lists(st.floats(0.001, 999.0), min_size=1, max_size=25))
def test_a_curve_within_six_powers_of_ten_takes_three_bytes_a_loss(values):
    values = [float(f"{value:.6g}") for value in values]
    assert len(packing.pack_losses(values)) == 1 + 3 * len(values)


names = st.text(min_size=1, max_size=10)
numbers = st.dictionaries(names, st.one_of(finite, st.integers(-(2**63), 2**63 - 1)), max_size=8)


@given(numbers)
def test_numbers_come_back_by_name_and_kind(values):
    shape = packing.shape_of(values)
    again = packing.read_shape(shape.text)
    found = again.unpack(shape.pack([*values.values()]))
    assert list(found) == list(values)
    assert same(found.values(), values.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, True, "1", None, 2**63, [1.0]])
def test_what_is_no_number_of_64_bits_is_not_packed(value):
    assert packing.shape_of({"cost": value}) is None
    assert packing.pack_losses([1.0, value]) is None


marks = st.builds(
    Mark,
    st.one_of(st.binary(min_size=8, max_size=8).map(bytes.hex), st.text(max_size=20)),
    st.one_of(st.integers(0, 10**6), st.integers()),
    finite,
)


@given(marks)
@example(Mark("0123456789ABCDEF", 117, 0.5))
@example(Mark("0123456789 abcdef", 117, 0.5))
@example(Mark("é" * 16, 117, 1))
def test_a_mark_comes_back_or_is_not_packed(mark):
    packed = packing.pack_mark(mark)
    assert packed is None or packing.unpack_mark(packed) == mark


@given(st.text(max_size=300))
@example('["add", "square", "x", "scale", {"learnable": -1.22}, "x"]')
@example("x" * 100_000)
def test_a_text_comes_back_or_is_not_packed(text):
    packed = packing.pack_text(text)
    assert packed is None or packing.unpack_text(packed) == text


def test_a_tree_takes_less_than_half():
    tree = '["add", "square", "x", "add", "scale", {"learnable": -1.22}, "min", "mul", {"constant": 1.95}, "x", "x"]'
    assert len(packing.pack_text(tree)) < len(tree) / 2


@given(st.binary(max_size=200))
@example(packing.pack_text("abc") + b"more")
@example(packing.pack_text("abcdefgh")[:-2])
def test_bytes_that_anybody_made_are_read_or_refused_and_never_endless(raw):
    for unpack in (packing.unpack_losses, packing.unpack_mark, packing.unpack_text):
        try:
            found = unpack(raw)
        except ValueError:
            continue
        assert len(str(found)) <= 30 * len(raw) + 100
        if unpack is packing.unpack_losses:
            assert all(map(math.isfinite, found))


@pytest.mark.parametrize(
    "text", ["", "3", "[]", "[1]", '["d"]', '["x", "cost"]', '["dd", "cost", "cost"]', '["d", ["cost"]]', "[" * 9999]
)
def test_a_shape_that_is_none_is_refused(text):
    with pytest.raises((ValueError, RecursionError)):
        packing.read_shape(text)
