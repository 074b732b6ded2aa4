"""Plumbing of compiled code: vectors, bit counts, the kernel cache, threads. No physics."""
