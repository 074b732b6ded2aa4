"""Tasks of designs whose chips differ: every task makes the chips that it needs."""

from __future__ import annotations

from pipeline.execution.active import describe_shards
from pipeline.execution.driver import whole_chips


def test_tasks_take_whole_chips_where_they_take_several() -> None:
    waiting = [(chip * 200 + first, 25) for chip in range(3) for first in (0, 25, 50)]
    assert whole_chips(waiting, 2, 200) == 2  # part of one chip: no other is made for it
    assert whole_chips(waiting, 4, 200) == 3
    assert whole_chips(waiting, 6, 200) == 6
    assert whole_chips(waiting, 9, 200) == 9
    assert whole_chips([(0, 5), (5, 5)], 1, 200) == 1


def test_shards_that_failed_are_told_with_their_chip() -> None:
    assert describe_shards(((0, 25), (50, 25))) == "images 0-24, 50-74"
    assert describe_shards(((425, 25), (200, 5)), 200) == "images 25-49 of chip 2, 0-4 of chip 1"
