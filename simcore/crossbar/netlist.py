"""Lines of SPICE netlists, as topologies and ``spice`` put them together."""

from __future__ import annotations


def resistor(name: str, node: str, other: str, ohms: float) -> str:
    """The line of one resistor."""
    return f"r{name} {node} {other} {ohms:.17g}"


def joined(lines: list[str], name: str, before: str, node: str, ohms: float) -> str:
    """Adds the resistor from ``before`` to ``node`` and returns the node's name: of zero ohms, they are one node."""
    if ohms == 0:
        return before
    lines.append(resistor(name, before, node, ohms))
    return node
