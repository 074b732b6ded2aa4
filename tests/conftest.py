"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# Continuous integration draws the same cases every time; elsewhere every run draws new ones and finds what is left.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
