"""Plumbing of compiled code: vectors, bit counts, the kernel cache, threads. No physics."""

from simcore.kernels.cache import set_cache_folder

set_cache_folder()
