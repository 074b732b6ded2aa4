"""The stand-ins of the pipeline's benchmarks have all that the pipeline asks for."""

from __future__ import annotations

import pytest

from benchmarks.no_op import NoImages, NoOp
from pipeline.sweep.protocols import Dataset, Evaluator


@pytest.mark.parametrize(("protocol", "stand_in"), [(Evaluator, NoOp()), (Dataset, NoImages())])
def test_stand_ins_have_what_the_pipeline_asks_for(protocol: type, stand_in: object) -> None:
    asked = {name for name in (*vars(protocol), *protocol.__annotations__) if not name.startswith("_")}
    assert asked <= set(dir(stand_in))
    for name in asked & vars(protocol).keys():
        assert callable(getattr(protocol, name)) == callable(getattr(stand_in, name)), name
