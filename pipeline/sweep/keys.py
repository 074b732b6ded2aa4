"""Keys by content: what was computed decides the name of its result, never who asked for it or when."""

from __future__ import annotations

import hashlib
import json
from typing import Any

SHORT_KEY_LENGTH = 12


def canonical_json(content: Any) -> str:
    """JSON with sorted fields and no spaces; the same content always gives the same text.

    Raises:
        ValueError: the content holds NaN or infinity.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def digest_of(content: Any) -> str:
    """The sha256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def key_content(
    design_content: dict[str, Any], model_digest: str, dataset_digest: str, split: str, solver_version: str
) -> dict[str, Any]:
    """All that decides the result of a design point, and nothing else.

    The number of images and the shard size are left out, so that more images recompute nothing; ``design_content``
    already leaves out fields at their declared default, so that a new field keeps old keys valid.
    """
    return {
        "dataset": dataset_digest,
        "design": design_content,
        "model": model_digest,
        "solver": solver_version,
        "split": split,
    }


def short_key(key: str) -> str:
    """A key as people see it; commands accept it in place of the whole."""
    return key[:SHORT_KEY_LENGTH]
