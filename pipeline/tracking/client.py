"""The way to MLflow, or one line that says why there is none."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from pipeline.storage.store import Store
from pipeline.uris import without_secret
from simcore.errors import BinsparxError

if TYPE_CHECKING:
    from mlflow import MlflowClient

PREFIX = "binsparx"
"""Of the tags that tell this program's runs from others."""


class TrackingUnavailable(BinsparxError):
    """The tracking server or file cannot be used now; results are not affected."""


def default_tracking_uri(store: Store) -> str:
    """An SQLite file in the results folder.

    Raises:
        TrackingUnavailable: the results are not on this machine's disk.
    """
    path = store.local_path("mlflow.db")
    if path is None:
        raise TrackingUnavailable(f"results at {store.uri} have no place for an SQLite file; name a tracking server")
    return f"sqlite:///{path}"


def quiet_client(uri: str) -> MlflowClient:
    """A client that asks nobody else, tries again once and keeps MLflow's own chatter off the terminal.

    Raises:
        TrackingUnavailable: MLflow cannot be reached.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    for name in ("alembic", "mlflow", "mlflow.store.db.utils", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)
    from mlflow import MlflowClient

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return MlflowClient(tracking_uri=uri)
    except Exception as error:
        raise unavailable(uri, error) from error


def unavailable(uri: str, error: Exception) -> TrackingUnavailable:
    """What went wrong in one line without secrets."""
    text = without_secret(" ".join(str(error).split()))
    return TrackingUnavailable(f"MLflow at {without_secret(uri)} cannot be used: {text[:200]}")
