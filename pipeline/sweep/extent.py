"""How much of a design is measured."""

from __future__ import annotations

from typing import NamedTuple


class Extent(NamedTuple):
    """The first images of the split on each of the first chips.

    Attributes:
        images: of every chip.
        chips: 1 where they do not differ.
    """

    images: int
    chips: int

    def within(self, whole: Extent) -> Extent:
        """As much of it as ``whole`` has.

        Args:
            whole: all that may be measured.
        """
        return Extent(min(self.images, whole.images), min(self.chips, whole.chips))
