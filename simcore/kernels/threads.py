"""Threads for kernels that release the interpreter lock, as many as numba is set to (``numba.set_num_threads``)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba

_CHUNKS_PER_THREAD = 4  # smaller chunks than threads even out uneven work


def run_in_threads(work: Callable[[int, int], None], count: int) -> None:
    """Call ``work(first, last)`` over disjoint ranges that cover 0 .. count-1.

    The items must not depend on each other; then results do not depend on the number of threads.
    """
    threads = min(numba.get_num_threads(), count)
    if threads <= 1:
        work(0, count)
        return
    chunks = min(count, threads * _CHUNKS_PER_THREAD)
    edges = [count * chunk // chunks for chunk in range(chunks + 1)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, edges[chunk], edges[chunk + 1]) for chunk in range(chunks)]:
            done.result()
