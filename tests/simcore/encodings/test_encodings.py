"""What every encoding must do: an encoding that is listed in ``ENCODINGS`` is tested here without a line more."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.encodings import ENCODINGS
from simcore.inference.evaluation import evaluate, prepare
from simcore.mapping.row_groups import assemble
from simcore.mapping.tiling import as_layer_output, input_vectors, map_layer, reordered
from simcore.mitigation.sets import SPARSITY_LEVELS, store_group
from simcore.mitigation.weight_flip import WeightFlip
from simcore.network.modules import BinaryLayer
from simcore.readout.adc import ideal_settings
from simcore.readout.fused import read_layer
from simcore.readout.tables import layer_tables
from tests.simcore.small_networks import make_design

SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])  # of +1; 0 and 1: all -1, all +1


def signs(rng, shape, share):
    return np.where(rng.random(shape) < share, 1, -1).astype(np.int8)


@st.composite
def convolutions(draw):
    """A layer, often with padding, and its input signs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    kernel, stride, padding = (draw(st.tuples(*[st.integers(low, high)] * 2)) for low, high in ((1, 3), (1, 2), (0, 2)))
    channels, outputs = draw(st.integers(1, 4)), draw(st.integers(1, 35))
    weight = signs(rng, (outputs, channels, *kernel), draw(SHARES))
    inputs = signs(rng, (2, channels, draw(st.integers(3, 6)), draw(st.integers(3, 6))), draw(SHARES))
    layer = BinaryLayer("conv", "conv2d", weight, stride, padding, draw(st.sampled_from([-1, 0, 1])))
    return layer, torch.from_numpy(inputs).float(), rng


@st.composite
def products(draw):
    """A layer without positions, and its input signs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    inputs, outputs = draw(st.integers(1, 60)), draw(st.integers(1, 35))
    layer = BinaryLayer("fc", "linear", signs(rng, (outputs, inputs), draw(SHARES)), (1, 1), (0, 0))
    return layer, torch.from_numpy(signs(rng, (3, inputs), draw(SHARES))).float(), rng


def integer_products(layer, inputs):
    weight = torch.from_numpy(layer.weight).double()
    if layer.weight.ndim == 2:
        return inputs.double() @ weight.T
    vertical, horizontal = layer.padding
    padded = torch.nn.functional.pad(
        inputs.double(), (horizontal, horizontal, vertical, vertical), value=layer.pad_value
    )
    return torch.nn.functional.conv2d(padded, weight, stride=layer.stride)


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
class TestEncoding:
    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        case=st.one_of(convolutions(), products()),
        rows=st.integers(1, 40),
        width=st.integers(1, 40),
        share=st.floats(0.01, 1.0),
        shuffled=st.booleans(),
        level=st.sampled_from(sorted(SPARSITY_LEVELS)),
    )
    def test_ideal_reads_are_the_integer_products(self, encoding, case, rows, width, share, shuffled, level):
        """On any tiles, with rows in any order, whatever is complemented, whatever padded inputs count as."""
        layer, inputs, rng = case
        mapping = map_layer(layer, encoding, rows, max(1, round(share * rows)))
        if shuffled:
            mapping = reordered(mapping, rng.permutation(len(mapping.order)))
        vectors = input_vectors(mapping, inputs)
        flat = vectors.reshape(-1, vectors.shape[2])
        passes = [one for one in SPARSITY_LEVELS[level] if encoding.flips_columns or not isinstance(one, WeightFlip)]
        stored = [
            store_group(mapping.weights[s.start : s.stop], passes, flat[:, s.start : s.stop]) for s in mapping.spans
        ]
        groups = assemble(mapping, stored, make_design().circuit, rows, width)
        converters = ideal_settings(mapping)
        tables = layer_tables(mapping, groups, None, converters, inputs.shape)
        found = as_layer_output(mapping, read_layer(tables, vectors)[0], inputs.shape)
        expected = integer_products(layer, inputs)
        assert found.dtype == torch.float32 and found.is_contiguous()
        assert found.shape == expected.shape
        assert torch.equal(found.double(), expected)

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(case=products())
    def test_cells_are_bits_and_rows_are_given_inputs(self, encoding, case):
        layer, _, _ = case
        outputs, inputs = layer.weight.shape
        bits = encoding.stored_bits((layer.weight.T > 0).astype(np.uint8))
        order, given_signs = encoding.row_inputs(inputs)
        assert bits.dtype == np.uint8 and bits.max(initial=0) <= 1
        assert given_signs.dtype == np.int8 and (np.abs(given_signs) == 1).all()
        assert given_signs.shape[1] == len(order) == len(bits)
        assert sorted(set(order.tolist())) == list(range(inputs))
        conversions = bits.shape[1] // encoding.columns_a_conversion
        shares = np.zeros((2, 5 * len(given_signs), conversions), np.float32)
        assert encoding.combine(shares).shape == (2, 5, outputs)
        assert encoding.combine(shares).dtype == np.float32

    @pytest.mark.parametrize(
        ("solver", "device", "sparsity"),
        [
            *(("ideal", "8T-SRAM", level) for level in ("dense", "binsparx")),  # whose device is none
            *(("fast", device, level) for device in ("8T-SRAM", "1T-1ReRAM-BL") for level in ("dense", "binsparx")),
            *(("exact", device, "binsparx") for device in ("8T-SRAM", "1T-1ReRAM-BL")),
        ],
    )
    def test_arrays_that_lose_nothing_are_ideal_arithmetic(
        self, checkpoint, dataset, encoding, device, solver, sparsity
    ):
        """Every solver, on arrays without wires and OFF currents, behind a converter with a code for every sum."""
        circuit = make_design(device).circuit
        lossless = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_col", "r_source", "g_off"), 0.0)
        design = make_design(
            circuit.model_copy(update=lossless), rows=16, cols=6, active_rows=10, encoding=encoding.name, solver=solver,
            sparsity=sparsity, layers=("narrow",),
        )  # fmt: skip
        prepared = prepare(checkpoint, design, dataset)
        assert prepared.solver == solver
        assert prepared.evidence.worst("converted_worst_lsb") == prepared.evidence.worst("output_error") == 0
        result = evaluate(prepared, *dataset.read("test", 0, 5))
        np.testing.assert_array_equal(result.predictions, result.ideal_predictions)
        assert [layer.worst_error for layer in result.layers] == [0]

    def test_fast_and_exact_solver_agree(self, checkpoint, dataset, encoding):
        outcome = {}
        for solver in ("fast", "exact"):
            design = make_design(
                "1T-1ReRAM", "pessimistic", rows=32, cols=8, encoding=encoding.name, solver=solver, layers=("narrow",)
            )
            outcome[solver] = evaluate(prepare(checkpoint, design, dataset), *dataset.read("test", 0, 5))
        np.testing.assert_array_equal(outcome["fast"].predictions, outcome["exact"].predictions)
        (fast,), (exact,) = outcome["fast"].layers, outcome["exact"].layers
        assert fast.column_reads == exact.column_reads
        assert fast.partial_sum == exact.partial_sum
        assert fast.applied_ones == exact.applied_ones
        assert fast.column_current == pytest.approx(exact.column_current, rel=1e-3)
        assert exact.worst_error > 0

    def test_what_could_be_flipped_decides_whether_levels_differ(self, checkpoint, dataset, encoding):
        """Where half of the cells and rows are on, whatever comes, BinSparX leaves every read as it is."""
        found = {}
        levels = {
            "dense": {},
            "binsparx": {"sparsity": "binsparx"},
            "all": {"sparsity": "binsparx", "row_order": "grouped",
                    "mitigations": "flip_above:0.4+sampled_popcount:2+flips_where_they_pay"},
        }  # fmt: skip
        for sparsity, fields in levels.items():
            design = make_design("1T-1ReRAM", rows=32, cols=8, encoding=encoding.name, layers=("narrow",), **fields)
            (found[sparsity],) = evaluate(prepare(checkpoint, design, dataset), *dataset.read("test", 0, 5)).layers
        assert (found["dense"] == found["binsparx"]) == encoding.balanced
        assert (found["dense"] == found["all"]) == encoding.balanced
