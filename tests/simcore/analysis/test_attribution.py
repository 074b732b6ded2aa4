"""A design with some of its mitigations: what each needs comes along, what needs it goes with it."""

from __future__ import annotations

import itertools

from simcore.analysis.attribution import needs_of, passes_at_work, resting_on, with_passes, without_pass
from simcore.design import Design
from simcore.design_axes import Adc
from simcore.passes import PASSES
from simcore.technology import circuit_parameters


def make_design(**fields: object) -> Design:
    circuit = circuit_parameters("1T-1ReRAM", "nominal", {}, "")
    return Design(**{"rows": 16, "cols": 8, "circuit": circuit, "adc": Adc(bits=5, reference="calibrated"), **fields})


COMPATIBLE = {name: one for name, one in PASSES.items() if not one.contradicts}
FULL = make_design(
    sparsity="binsparx",
    row_order="grouped",
    prune=0.1,
    mitigations="+".join(f"{name}:{one.example:g}" if one.number else name for name, one in COMPATIBLE.items()),
)


def test_all_that_a_design_does_is_named() -> None:
    assert passes_at_work(make_design(adc=Adc(bits=5))) == []
    assert passes_at_work(make_design()) == ["re_ranging"]
    others = {"grouped", "weight_flip", "activation_flip", "pruning", "re_ranging"}
    assert set(passes_at_work(FULL)) == {*COMPATIBLE, *others} and len(set(passes_at_work(FULL))) == len(
        passes_at_work(FULL)
    )


def test_all_of_them_are_the_design_and_none_is_the_bare_one() -> None:
    assert with_passes(FULL, passes_at_work(FULL)) == FULL
    assert with_passes(FULL, []) == make_design(adc=Adc(bits=5))


def test_every_variant_is_a_design_that_may_be() -> None:
    names = passes_at_work(FULL)
    for name in names:
        gone = without_pass(FULL, name)
        assert set(passes_at_work(gone)) == set(names) - {name, *resting_on(FULL, name)}
        assert set(passes_at_work(with_passes(FULL, [name]))) == {name, *needs_of(name)} & set(names)
    for pair in itertools.combinations(names, 2):
        variant = with_passes(FULL, pair)
        assert Design(**dict(variant)) == variant  # and passes all checks


def test_where_one_of_several_flips_or_bends_is_left_nothing_else_goes() -> None:
    mitigations = "flips_where_they_pay+bent_references+nonuniform_codes+threshold_grid:2"
    both = make_design(sparsity="binsparx", mitigations=mitigations)
    for name, left in (("activation_flip", "weight"), ("weight_flip", "activation")):
        gone = without_pass(both, name)
        assert (resting_on(both, name), gone.sparsity, gone.mitigations) == ([], left, both.mitigations)
    assert resting_on(both, "nonuniform_codes") == []
    one = make_design(sparsity="weight", mitigations="flips_where_they_pay+bent_references+threshold_grid:2")
    assert resting_on(one, "weight_flip") == ["flips_where_they_pay"]
    assert resting_on(one, "bent_references") == ["threshold_grid"]
    assert with_passes(one, needs_of("flips_where_they_pay")).sparsity == "weight"
