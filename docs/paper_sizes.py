"""Which arrays BinSparX brings back to ideal outside the optimistic corner, in a sentence for who has not opened the page."""

from __future__ import annotations

from paper_numbers import BINSPARX, NEAR_IDEAL, Hardware, within

_CORNERS = ("nominal", "pessimistic")
Size = tuple[int, int]  # rows, rows read together


def sentence(designs: list[Hardware]) -> str:
    """What holds for every network in both corners, converters re-ranged, by device."""
    by_device: dict[str, dict[Size, list[Hardware]]] = {}
    for design in designs:
        if design.re_ranged and design.corner in _CORNERS and BINSPARX in design.levels:
            sizes = by_device.setdefault(design.device, {})
            sizes.setdefault((design.rows, design.active_rows), []).append(design)
    parts, none = [], []
    for device, sizes in by_device.items():
        back = {size: mine for size, mine in sizes.items() if all(_is_back(design) for design in mine)}
        if back:
            parts.append(_of_device(device, back))
        else:
            none.append(f"no {device} array")
    alike = "In nominal and pessimistic corner alike"
    if not by_device:
        return ""
    if not parts:
        return f"{alike}, {' and '.join(none)} comes back to within {100 * NEAR_IDEAL:g} point of ideal."
    rest = f"; {' and '.join(none)} does" if none else ""
    return f"{alike}, {'; '.join(parts)} come back to within {100 * NEAR_IDEAL:g} point of ideal{rest}."


def _is_back(design: Hardware) -> bool:
    return within(NEAR_IDEAL, design.ideal - float(design.levels[BINSPARX]["accuracy"]))


def _of_device(device: str, back: dict[Size, list[Hardware]]) -> str:
    whole = sorted(rows for rows, together in back if rows == together)
    parts = [f"of {_listed(whole)} rows that are all read at once"] if whole else []
    for together in sorted({together for rows, together in back if together < rows}):
        rows = sorted(rows for rows, read in back if read == together and rows > max(whole, default=0))
        if rows:
            energy = (
                _energy_against(back[whole[-1], whole[-1]], [d for r in rows for d in back[r, together]])
                if whole
                else ""
            )
            parts.append(f"of {_listed(rows)} rows with {together} read together{energy}")
    return f"{device} arrays {' and '.join(parts)}"


def _energy_against(those: list[Hardware], these: list[Hardware]) -> str:
    """How many times the energy of the same network and corner on the first designs the second ones take."""
    base = {(design.model, design.corner): design.levels[BINSPARX].get("energy_per_image_J") for design in those}
    own = [
        (design.levels[BINSPARX].get("energy_per_image_J"), base.get((design.model, design.corner))) for design in these
    ]
    ratios = [energy / other for energy, other in own if energy and other]
    return f", at {min(ratios):.1f} to {max(ratios):.1f} times the energy of the smaller ones," if ratios else ""


def _listed(numbers: list[int]) -> str:
    *first, last = [str(number) for number in numbers]
    return f"{', '.join(first)} and {last}" if first else last
