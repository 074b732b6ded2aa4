"""Messages of names that are not known."""

from __future__ import annotations

from simcore.errors import MOST_LISTED, unknown_name


def test_a_name_that_is_nearly_right_is_offered_beside_all_that_are_known() -> None:
    message = str(unknown_name("corner", "nominl", ["pessimistic", "nominal"], "my.yaml:3 corners"))
    expected = "unknown corner 'nominl'; did you mean 'nominal'? (known: nominal, pessimistic)"
    assert message == f"my.yaml:3 corners: {expected}"


def test_of_very_many_names_the_most_alike_are_listed() -> None:
    columns = [f"column_{index}" for index in range(2 * MOST_LISTED)] + ["energy_adc_J"]
    message = str(unknown_name("column", "energy_adc", columns))
    assert message.startswith("unknown column 'energy_adc'; did you mean 'energy_adc_J'? (of 49 known ones the most")
    assert message.count(", ") == MOST_LISTED - 1 and message.endswith(", energy_adc_J)")
