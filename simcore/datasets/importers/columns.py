"""Which column of a table holds the labels, and which make a sample."""

from __future__ import annotations

from collections.abc import Sequence

from simcore.errors import InputError, unknown_name

_LABEL_NAMES = ("label", "class", "target", "y")


def find_label_column(names: Sequence[str], asked: str | None, what: str, headed: bool = True) -> str:
    """The column of labels.

    Args:
        names: of all columns.
        asked: its name as the user gave it; None takes the one that is called as labels usually are.
        what: the file, for messages.
        headed: the names stand in the file; else they are numbers from 1 on.

    Raises:
        InputError: no such column, none that is called so, or several.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"two columns are called '{twice}'", what)
    if asked is not None:
        if asked not in names:
            raise unknown_name(f"column of {what}", asked, names, "--label-column")
        return asked
    found = [name for name in names if name.lower() in _LABEL_NAMES] if headed else []
    if len(found) != 1:
        listed = f"the columns {', '.join(names[:20])}{' ...' if len(names) > 20 else ''}"
        which = f"{' and '.join(found)} may both hold" if found else "none is called label, class, target or y, for"
        raise InputError(f"of {listed} {which} the labels; name it with --label-column", what)
    return found[0]


def chosen_columns(names: Sequence[str], label: str, asked: tuple[str, ...] | None, what: str) -> list[str]:
    """The columns that make a sample.

    Args:
        names: of all columns.
        label: the one of the labels.
        asked: those that the user wants; None for all but the label's.
        what: the file, for messages.

    Raises:
        InputError: no such column, the label's among them, none, or of all one without a name.
    """
    for name in asked or ():
        if name not in names:
            raise unknown_name(f"column of {what}", name, names, "--columns")
        if name == label:
            raise InputError(f"column '{name}' holds the labels", "--columns")
    if not asked and "" in names:
        raise InputError(
            f"column {names.index('') + 1} has no name, as an index that pandas wrote (to_csv(index=False) leaves it "
            "out); choose the columns of a sample with --columns",
            what,
        )
    chosen = list(asked) if asked else [name for name in names if name != label]
    if not chosen:
        raise InputError(f"beside the label '{label}' there is no column", what)
    return chosen
