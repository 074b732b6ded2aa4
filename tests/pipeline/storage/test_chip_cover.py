"""How shards of several chips are numbered: more chips or images move no number, and nothing overlaps."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.storage.shards import Range, bundles_of, cover, cover_chips

counts = st.integers(1, 40)


@st.composite
def plans(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """(images, chips, images of the split, images of a shard)"""
    split = draw(st.integers(1, 60))
    return draw(st.integers(1, split)), draw(st.integers(1, 6)), split, draw(counts)


def numbers(ranges: tuple[Range, ...]) -> list[int]:
    return [image for first, count in ranges for image in range(first, first + count)]


@settings(max_examples=200, deadline=None)
@given(plans(), st.data())
def test_every_image_of_every_chip_is_covered_once(plan: tuple[int, int, int, int], data: st.DataObject) -> None:
    images, chips, split, each = plan
    whole = cover_chips(images, chips, split, each, ()).missing
    stored = [shard for shard in whole if data.draw(st.booleans())]
    found = cover_chips(images, chips, split, each, stored)
    assert sorted(numbers((*found.stored, *found.missing))) == [
        chip * split + image for chip in range(chips) for image in range(images)
    ]
    assert set(found.stored) == set(stored) and set(found.missing) == set(whole) - set(stored)
    assert all(first // split == (first + count - 1) // split for first, count in whole)


@settings(max_examples=200, deadline=None)
@given(plans(), st.integers(0, 4), st.integers(0, 40))
def test_more_chips_or_images_compute_nothing_again(
    plan: tuple[int, int, int, int], more_chips: int, more_images: int
) -> None:
    images, chips, split, each = plan
    before = cover_chips(images, chips, split, each, ()).missing
    assert set(before) <= set(cover_chips(images, chips + more_chips, split, each, ()).missing)
    longer = cover_chips(min(split, images + more_images), chips + more_chips, split, each, before)
    again = set(numbers(longer.missing)) & set(numbers(before))
    assert len(again) <= chips * (each - 1)  # of each chip the last shard at most, where it was cut short
    assert images % each or not again


@given(plans())
def test_one_chip_is_numbered_as_designs_without_effects_are(plan: tuple[int, int, int, int]) -> None:
    images, _, split, each = plan
    assert cover_chips(images, 1, split, each, ()) == cover(images, each, ())


@given(plans())
def test_bundles_hold_the_very_shards_of_all_chips(plan: tuple[int, int, int, int]) -> None:
    images, chips, split, each = plan
    shards = cover_chips(images, chips, split, each, ()).missing
    assert [shard for bundle in bundles_of(shards) for shard in bundle.ranges()] == list(shards)
