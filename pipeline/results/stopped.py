"""What a race stopped, in words: such designs were judged on fewer images, or chips, than others."""

from __future__ import annotations

import pandas as pd

_WORDS = {"beaten": "beaten", "yield known": "with known yields"}


def stop_words(designs: pd.DataFrame) -> str:
    """How many designs were stopped why, and after what: ``3 beaten after 100 images of 8 chips or more``.

    Args:
        designs: rows of ``designs``.

    Returns:
        Nothing where none was.
    """
    stopped = designs[designs["stopped"].isin(list(_WORDS))]
    parts = [f"{len(own)} {_WORDS[str(why)]} after {_least(own)}" for why, own in stopped.groupby("stopped")]
    return "; ".join(parts)


def _least(designs: pd.DataFrame) -> str:
    """Fewest images and chips of some designs."""
    extents = designs[["images", "chips"]].fillna(1).astype(int)
    images, chips = extents.min()
    of_chips = f" of {chips} chips" if designs["chips"].notna().any() else ""
    return f"{images} images{of_chips}" + " or more" * (len(extents.drop_duplicates()) > 1)
