"""From a sweep file to a front: plan, run on Ray, store, aggregate, track, report."""
