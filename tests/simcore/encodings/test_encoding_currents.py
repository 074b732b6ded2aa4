"""What columns of every encoding deliver, held to the closed form of a column: linear cells on gated rows, a wire of
resistance r from row to row and after the last one, nothing else. From the far end on the cell of a row comes in
parallel, then the wire in series: G <- 1 / (1 / (G + g_i) + r). Source: the ladder of rpelke/analog-cim-sim
(parasitics.cpp)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simcore.encodings import ENCODINGS, Encoding
from simcore.mapping.row_groups import assemble
from simcore.mapping.tiling import input_vectors, map_layer
from simcore.mitigation.sets import SPARSITY_LEVELS, store_group
from simcore.network.modules import BinaryLayer
from tests.simcore.small_networks import make_design


def ladder(conductances: np.ndarray, resistance: float) -> np.ndarray:
    """Conductance from the supply to ground of (rows, ...) cells, the first row at the far end."""
    total = np.zeros(conductances.shape[1:])
    for row in conductances:
        met = total + row
        total = met / (1 + met * resistance)
    return total


@pytest.mark.parametrize("active", [16, 8])
@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_columns_deliver_what_the_ladder_says(encoding: Encoding, active: int) -> None:
    rng = np.random.default_rng(3)
    weights, inputs = (np.where(rng.random(shape) < 0.5, 1, -1).astype(np.int8) for shape in ((5, 24), (3, 24)))
    nothing = dict.fromkeys(("r_driver", "r_sink", "r_row", "r_source"), 0.0)
    circuit = make_design().circuit.model_copy(update={**nothing, "r_col": 300.0, "iv": "linear", "v_nl": None})
    mapping = map_layer(BinaryLayer("fc", "linear", weights, (1, 1), (0, 0)), encoding, 16, active)
    vectors = input_vectors(mapping, torch.from_numpy(inputs).float()).reshape(-1, len(mapping.order))
    stored = [store_group(mapping.weights[s.start : s.stop], SPARSITY_LEVELS["dense"], vectors) for s in mapping.spans]
    groups = assemble(mapping, stored, circuit, 16, 4)
    assert len(groups) == -(-24 * encoding.rows_an_input // active)
    for span, group in zip(mapping.spans, groups, strict=True):
        # By hand: of the tile's rows those of the group are driven where the input, with the row's sign, is +1.
        driven, cells = np.zeros((len(vectors), 16)), np.zeros((16, mapping.columns))
        held = slice(span.tile_start, min(span.tile_start + 16, len(mapping.weights)))
        cells[: held.stop - held.start] = mapping.weights[held]
        driven[:, span.offset : span.offset + span.rows] = vectors[:, span.start : span.stop] > 0
        conductance = np.where(cells, circuit.g_on, circuit.g_off)
        wanted = ladder(driven.T[:, :, None] * conductance[:, None, :], circuit.r_col)
        found = group.exact_currents(group.apply(vectors).bits)
        np.testing.assert_allclose(found, wanted / circuit.g_on, rtol=1e-6, atol=1e-7)
