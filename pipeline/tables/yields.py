"""What a sweep file says of the yield of its designs."""

from __future__ import annotations

from pipeline.front.rounds import most_rounds
from pipeline.front.yields import YieldRule
from pipeline.sweep.plan import Plan


def yield_rule(plan: Plan) -> YieldRule:
    """How a chip is judged, and what the interval of the yield holds against.

    Without ``pareto.yield_width`` an interval is found once, on whatever images and chips a design got. With it, every
    round of a race may be the last, whether the sweep is raced or not: the row of a design does not depend on how it
    was computed.
    """
    pareto = plan.sweep.spec.pareto
    if pareto.yield_width is None:
        return YieldRule(pareto.yield_loss)
    return YieldRule(pareto.yield_loss, plan.images, most_rounds(plan.chips))
