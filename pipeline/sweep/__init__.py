"""From a sweep file to a plan: axes, points and their keys."""
