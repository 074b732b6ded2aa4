"""Numbers with units as people write them, ``12 kohm`` or ``200 mV``, converted to SI units without rounding."""

from __future__ import annotations

import re
from decimal import Decimal

_EXPONENTS = {
    "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
# Symbols keep their case: s is the second, S the siemens. Words do not.
_SYMBOLS = {"ohm": ("Ω", "Ω"), "V": ("V",), "A": ("A",), "S": ("S",), "s": ("s",)}
_WORDS = {
    "ohm": ("ohm", "ohms"), "V": ("volt", "volts"), "A": ("amp", "amps", "ampere", "amperes"), "S": ("siemens",),
    "s": ("sec", "second", "seconds"),
}  # fmt: skip
_WRITTEN = re.compile(r"\s*((?>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*(\D.*?)\s*")


def unit_of(text: str) -> tuple[str, int] | None:
    """The unit that a text means.

    Args:
        text: a unit with or without an SI prefix, for example ``kohm``, ``mV`` or ``Volt``.

    Returns:
        ``ohm``, ``V``, ``A``, ``S`` or ``s``, and the power of ten of the prefix; None where it is no such unit.

    Example:
        >>> unit_of("kΩ"), unit_of("uA"), unit_of("Volt"), unit_of("parsec")
        (('ohm', 3), ('A', -6), ('V', 0), None)
    """
    for unit in _SYMBOLS:
        for prefix, exponent in _EXPONENTS.items():
            rest = text[len(prefix) :]
            if text.startswith(prefix) and (rest in _SYMBOLS[unit] or rest.casefold() in _WORDS[unit]):
                return unit, exponent
    return None


def split_quantity(text: str) -> tuple[float, str] | None:
    """Number and unit of a text such as ``12 kohm``; None where it is not a number followed by something.

    Example:
        >>> split_quantity("12 kohm"), split_quantity("1e5")
        ((12.0, 'kohm'), None)
    """
    found = _WRITTEN.fullmatch(text)
    return (float(found[1]), found[2]) if found else None


def in_si(value: float, exponent: int) -> float:
    """``value`` times a power of ten: the float next to the decimal number, as if it had been written so.

    Example:
        >>> in_si(8.2, -3), 8.2 * 1e-3
        (0.0082, 0.008199999999999999)
    """
    return float(Decimal(repr(float(value))).scaleb(exponent))
