"""The way to MLflow, or one line that says why there is none."""

from __future__ import annotations

import logging
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.storage.store import Store
from pipeline.uris import safe_line, without_secret
from simcore.errors import BinsparxError, InputError, unknown_name
from simcore.paths import check_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from pipeline.sweep.spec import SweepFile

_SCHEMES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "databricks", "databricks-uc")
_ANSWER_SECONDS = 5.0
_SPECIAL = re.compile(r"%[0-9a-fA-F]{2}|\?")  # in the path of an SQLite URI: another character, the begin of options
PREFIX = "binsparx"
"""Of the tags that tell this program's runs from others."""


class TrackingUnavailable(BinsparxError):
    """The tracking server or file cannot be used now; results are not affected."""


def default_tracking_uri(store: Store) -> str:
    """An SQLite file in the results folder.

    Raises:
        TrackingUnavailable: the results are not on this machine's disk, or their path cannot be a part of a URI.
    """
    path = store.local_path("mlflow.db")
    if path is None:
        raise TrackingUnavailable(f"results at {store.uri} have no place for an SQLite file; name a tracking server")
    if special := _SPECIAL.search(str(path)):
        raise TrackingUnavailable(
            f"the path of the results, {store.uri}, holds '{special[0]}', which means something else in a tracking "
            "URI; name a server, or a file elsewhere"
        )
    return f"sqlite:///{path}"


def check_tracking(sweep: SweepFile, uri: str | None) -> str:
    """Looks, before the work, whether a sweep can be tracked after it.

    Args:
        sweep: whose file may name a server.
        uri: of the server that was asked for with ``--tracking-uri``, which comes first.

    Returns:
        As ``check_tracking_uri``.

    Raises:
        InputError: as ``check_tracking_uri``.
    """
    if uri is not None:
        return check_tracking_uri(uri, "--tracking-uri")
    asked = sweep.spec.tracking.uri
    return "" if asked is None else check_tracking_uri(asked, sweep.where("tracking", "uri"))


def check_tracking_uri(uri: str, where: str) -> str:
    """Looks, before the work, whether results can be tracked after it.

    Args:
        uri: of a server, or of an SQLite file.
        where: where the user wrote it, for messages.

    Returns:
        A warning, one line, where a server does not answer now; empty where all is well.

    Raises:
        InputError: no kind of URI that MLflow knows, or a file that cannot be written.
    """
    scheme, separator, rest = uri.partition("://")
    scheme = scheme.partition("+")[0].lower()
    if scheme == "file" or not (separator or scheme.startswith("databricks")):
        return _check_folder(where)
    if scheme not in _SCHEMES:
        raise unknown_name("kind of tracking URI", scheme, _SCHEMES, where)
    if scheme == "sqlite":
        file = rest.removeprefix("/").partition("?")[0]
        if escape := _SPECIAL.search(file):  # MLflow takes it for both, the character and these three
            raise InputError(f"expected a path without '{escape[0]}', found '{file}'", where)
        check_folder(Path(file).absolute().parent, where)
    if scheme in ("http", "https"):
        host, port = _host_and_port(uri, where)
        try:
            socket.create_connection((host, port), _ANSWER_SECONDS).close()
        except (OSError, ValueError) as error:
            return f"MLflow at {without_secret(uri)} does not answer now ({error}); the results can be tracked later"
    return ""


def _host_and_port(uri: str, where: str) -> tuple[str, int]:
    try:
        parts = urlsplit(uri)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:  # its text may hold a part of a password
        raise InputError(f"expected a server, http://HOST:PORT, found '{without_secret(uri)}'", where) from None


def _check_folder(where: str) -> str:
    """MLflow takes a folder, or what looks like one without ``://``, only where it is told to."""
    if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
        return ""
    raise InputError(
        "expected a server, http://HOST:PORT, or a file, sqlite:///FOLDER/mlflow.db; MLflow refuses folders without "
        "MLFLOW_ALLOW_FILE_STORE=true",
        where,
    )


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
    text = safe_line(error)
    return TrackingUnavailable(f"MLflow at {without_secret(uri)} cannot be used: {text[:200]}")
