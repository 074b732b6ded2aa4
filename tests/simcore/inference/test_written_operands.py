"""Products of two activations on arrays that are written for every image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.design_axes import Adc, EvidenceLimits
from simcore.effects.aged_spread import AgedSpread
from simcore.effects.stuck_cells import StuckCells
from simcore.encodings import ENCODINGS
from simcore.errors import InputError
from simcore.inference.evaluation import evaluate, mapped_logits, on_chip
from simcore.inference.preparation import prepare_on_images
from simcore.inference.stored_layers import mapped_on_arrays
from simcore.network.checkpoint import Checkpoint, network_digest
from simcore.network.graph import NetworkGraph
from simcore.network.modules import GraphNetwork, plain_dot
from simcore.readout.layer_totals import LayerTotals
from tests.simcore.small_networks import make_design

HEADS, TOKENS, WIDTH, CLASSES = 2, 5, 12, 3
PRODUCTS = [f"scores[{head}]" for head in range(HEADS)]


def graph() -> NetworkGraph:
    """Tokens to queries and keys by binary layers, their products head by head, and logits of them."""
    half = WIDTH // HEADS

    def heads(name, source, order):
        shape = {"shape": (TOKENS, HEADS, half)}
        return [
            {"name": f"{name}_split", "op": "reshape", "inputs": [source], "attrs": shape},
            {"name": f"{name}_heads", "op": "permute", "inputs": [f"{name}_split"], "attrs": {"order": order}},
        ]

    square = {"in_features": WIDTH, "out_features": WIDTH}
    last = {"in_features": HEADS * TOKENS * TOKENS, "out_features": CLASSES}
    nodes = [
        {"name": "query", "op": "binary_linear", "inputs": ["input"], "attrs": square},
        {"name": "key", "op": "binary_linear", "inputs": ["input"], "attrs": square},
        *heads("query", "query", (1, 0, 2)),
        *heads("key", "key", (1, 2, 0)),
        {"name": "scores", "op": "binary_matmul", "inputs": ["query_heads", "key_heads"]},
        {"name": "flat", "op": "flatten", "inputs": ["scores"]},
        {"name": "logits", "op": "linear", "inputs": ["flat"], "attrs": last},
    ]
    return NetworkGraph.from_content({"nodes": nodes, "input_shape": (TOKENS, WIDTH), "classes": CLASSES})


@pytest.fixture(scope="module")
def network() -> Checkpoint:
    made, generator = GraphNetwork(graph()), torch.Generator().manual_seed(1)
    for tensor in made.named_tensors().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    made.eval().requires_grad_(False)
    return Checkpoint(made, "attention", network_digest(made), {})


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.randn(12, TOKENS, WIDTH, generator=torch.Generator().manual_seed(2))


def totals_of(network: Checkpoint, tokens: torch.Tensor, design, chip: int | None = None) -> dict[str, LayerTotals]:
    prepared = prepare_on_images(network, design, tokens)
    prepared = prepared if chip is None else on_chip(prepared, chip)
    found = evaluate(prepared, tokens.numpy(), np.zeros(len(tokens), np.int64))
    return {layer.layer: layer for layer in found.layers}


@settings(max_examples=24, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.integers(1, 9),
    cols=st.integers(1, 7),
    active=st.integers(1, 9),
    sparsity=st.sampled_from(["dense", "weight", "activation", "binsparx"]),
    row_order=st.sampled_from(["channel", "grouped"]),
    encoding=st.sampled_from(list(ENCODINGS)),
)
def test_in_ideal_arithmetic_arrays_give_what_the_network_does(
    network, tokens, rows, cols, active, sparsity, row_order, encoding
) -> None:
    each, cols = ENCODINGS[encoding].rows_an_input, ENCODINGS[encoding].columns_a_conversion * cols
    design = make_design(
        solver="ideal", rows=each * rows, cols=cols, active_rows=each * min(rows, active), sparsity=sparsity,
        encoding=encoding, row_order="channel" if ENCODINGS[encoding].balanced else row_order,
    )  # fmt: skip
    prepared = prepare_on_images(network, design, tokens)
    assert list(prepared.layers) == ["query", "key", *PRODUCTS]
    with torch.inference_mode():
        ideal = network.network(tokens, plain_dot(network.network))
        assert torch.equal(mapped_logits(prepared, tokens), ideal)


@pytest.mark.parametrize("device", ["8T-SRAM", "1T-1ReRAM-BL"])
def test_the_fast_solver_reads_what_was_written_as_the_exact_one_does(network, tokens, device) -> None:
    fields = {"rows": 8, "cols": 4, "sparsity": "binsparx", "layers": ("scores",),
              "adc": Adc(bits=6, reference="calibrated")}  # fmt: skip
    limits = EvidenceLimits(beyond="mark")
    fast = make_design(device, solver="fast", evidence=limits, **fields)
    exact = make_design(device, solver="exact", **fields)
    ours, theirs = (totals_of(network, tokens, design) for design in (fast, exact))
    assert list(ours) == PRODUCTS
    for name in PRODUCTS:
        assert ours[name].partial_sum == theirs[name].partial_sum > 0
        assert ours[name].column_current == pytest.approx(theirs[name].column_current, rel=1e-3)
    found = prepare_on_images(network, fast, tokens).evidence
    assert {one.layer for one in found.layers} == set(PRODUCTS)
    assert found.unsolved == 0
    assert found.within(limits)


def test_operands_differ_from_image_to_image(network, tokens) -> None:
    design = make_design(solver="ideal_circuit", rows=8, cols=4, layers=("scores",))
    one = totals_of(network, tokens[:1], design)[PRODUCTS[0]]
    same = totals_of(network, tokens[:1].repeat(3, 1, 1), design)[PRODUCTS[0]]
    other = totals_of(network, tokens[:3], design)[PRODUCTS[0]]
    assert same.partial_sum == 3 * one.partial_sum != other.partial_sum
    assert one.column_reads == TOKENS * TOKENS
    assert (one.inputs, one.stored_columns) == (WIDTH // HEADS, TOKENS)


def test_flips_are_of_what_an_image_writes(network, tokens) -> None:
    fields = {"solver": "ideal_circuit", "rows": 8, "cols": 4, "layers": ("scores",)}
    dense, flipped = (
        totals_of(network, tokens, make_design(sparsity=level, **fields)) for level in ("dense", "weight")
    )
    for name in PRODUCTS:
        assert flipped[name].partial_sum < dense[name].partial_sum == flipped[name].dense_partial_sum
        assert dense[name].weight_flips == 0 < flipped[name].weight_flips <= TOKENS
        assert flipped[name].squared_error == 0


def test_what_looks_at_bits_that_stay_leaves_written_operands_alone(network, tokens) -> None:
    fields = {"solver": "exact", "rows": 8, "cols": 4, "sparsity": "binsparx", "layers": ("scores",)}
    plain = make_design(**fields)
    much = make_design(
        prune=0.3, row_order="grouped", mitigations="near_sink+flips_where_they_pay+recalibrated_outputs", **fields
    )
    assert totals_of(network, tokens, plain) == totals_of(network, tokens, much)


def test_passes_of_converters_are_set_on_calibration_operands(network, tokens) -> None:
    fields = {"rows": 8, "cols": 4, "layers": ("scores",), "adc": Adc(bits=4, reference="calibrated"),
              "solver": "exact"}  # fmt: skip
    for passes, acts in (("none", False), ("popcount_term", True)):
        design = make_design("1T-1ReRAM", "pessimistic", mitigations=passes, **fields)
        layers = prepare_on_images(network, design, tokens).layers
        for name in PRODUCTS:
            assert bool(layers[name].converters.per_row.any()) == acts


@pytest.mark.parametrize(("solver", "encoding"), [("fast", "zero_one"), ("exact", "zero_one"), ("fast", "two_cycles")])
def test_results_do_not_depend_on_shards_noise_included(network, tokens, solver, encoding) -> None:
    design = make_design(solver=solver, rows=8, cols=4, layers=("scores",), sparsity="binsparx", encoding=encoding,
                         adc=Adc(bits=4, noise_lsb=0.7))  # fmt: skip
    prepared = prepare_on_images(network, design, tokens)
    labels = np.zeros(12, np.int64)
    whole = evaluate(prepared, tokens.numpy(), labels, 5)
    parts = [evaluate(prepared, tokens[a:b].numpy(), labels[a:b], 5 + a) for a, b in ((0, 1), (1, 8), (8, 12))]
    assert np.array_equal(whole.predictions, np.concatenate([part.predictions for part in parts]))
    for place, layer in enumerate(whole.layers):
        first, second, third = (part.layers[place] for part in parts)
        assert first.merge(second).merge(third) == layer
    assert evaluate(prepared, tokens.numpy(), labels, 6).layers != whole.layers  # other images, other noise


@pytest.mark.parametrize("calibrated_on", ["design", "chip"])
def test_chips_have_cells_of_their_own_whatever_is_written(network, tokens, calibrated_on) -> None:
    stuck = (StuckCells(kind="stuck_cells", off_fraction=0.2, on_fraction=0.1),)
    design = make_design(rows=8, cols=4, layers=("scores",), effects=stuck, calibrated_on=calibrated_on,
                         adc=Adc(bits=4, reference="calibrated"), evidence=EvidenceLimits(beyond="mark"))  # fmt: skip
    first, again, other = (totals_of(network, tokens, design, chip) for chip in (0, 0, 1))
    assert first == again != other
    assert all(layer.squared_error > 0 for layer in first.values())
    aged = design.model_copy(update={"age_s": 1e6})
    assert totals_of(network, tokens, aged, 0) == first  # just written


def test_effects_that_say_nothing_of_what_was_just_written_are_refused(network, tokens) -> None:
    late = AgedSpread(kind="aged_spread", largest_uS=40, at=({"age_s": 86400, "coefficients_uS": (1.0,)},))
    design = make_design(rows=8, cols=4, layers=("scores",), effects=(late,), age_s=86400.0)
    with pytest.raises(InputError, match="operands are read as soon as they are written: .* not at 1"):
        prepare_on_images(network, design, tokens)


def test_a_product_left_out_is_digital(network, tokens) -> None:
    design = make_design(solver="ideal", rows=8, cols=4, layers=("query",))
    assert list(prepare_on_images(network, design, tokens).layers) == ["query"]
    with pytest.raises(InputError, match=r"unknown binary layer of attention 'score'; did you mean 'scores'"):
        mapped_on_arrays(network, design.model_copy(update={"layers": ("score",)}))


def test_layers_of_weights_do_not_see_the_products_beside_them(network, tokens) -> None:
    fields = {"solver": "exact", "rows": 8, "cols": 4, "sparsity": "binsparx"}
    beside = totals_of(network, tokens, make_design(**fields))
    alone = totals_of(network, tokens, make_design(layers=("query", "key"), **fields))
    for name in ("query", "key"):
        assert dataclasses.asdict(beside[name]) == dataclasses.asdict(alone[name])
