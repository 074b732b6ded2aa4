"""MLflow's SQLite file: it appears complete or not at all, and one that is broken is made anew.

MLflow makes such a file in place, in about forty migrations; one that is cut short (a kill, a full disk, two that make
it at once) fails for ever after. So it is made under another name, by one process at a time, and renamed.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from pipeline.storage.store import PARTIAL_FOLDER, SET_ASIDE_FOLDER
from pipeline.tracking.client import TrackingUnavailable, quiet_client, unavailable

_SQLITE = "sqlite:///"
_LOCK_SECONDS = 120.0  # MLflow makes its tables in a few seconds; a busy machine takes longer
_COMPANIONS = ("-journal", "-wal", "-shm")  # what SQLite keeps beside a file belongs to that file alone
_MIGRATING = "_alembic_tmp_"  # begins the names of tables that a migration makes and removes

State = Literal["absent", "unfinished", "damaged", "sound"]


def database_file(uri: str) -> Path | None:
    """The SQLite file of a tracking URI; None where it is a server."""
    return Path(uri.removeprefix(_SQLITE).partition("?")[0]) if uri.startswith(_SQLITE) else None


def database_state(path: Path) -> State:
    """What lies at ``path``: nothing, a database without any content, one that cannot be used, or a good one.

    Raises:
        sqlite3.OperationalError: it cannot be looked at now: it is locked, or may not be read.
    """
    if not path.exists() or path.stat().st_size == 0:
        return "absent"
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            tables = _tables(database)
            # The last step of making one is its first experiment: without any there is nothing to lose.
            if "experiments" not in tables or database.execute("SELECT 1 FROM experiments LIMIT 1").fetchone() is None:
                return "unfinished"
            migrating = any(name.startswith(_MIGRATING) for name in tables)
            intact = database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            return "sound" if intact and not migrating else "damaged"
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:  # not a database, or its pages contradict each other
        return "damaged"


def ensure_database(uri: str) -> str | None:
    """Makes the SQLite file of a tracking URI where there is no good one; a server is left alone.

    Returns:
        Where a damaged one went, if there was one.

    Raises:
        TrackingUnavailable: it cannot be made or looked at now, or the file holds tables of another program.
    """
    path = database_file(uri)
    if path is None:
        return None
    drafts = path.parent / PARTIAL_FOLDER
    try:
        drafts.mkdir(parents=True, exist_ok=True)
        with FileLock(drafts / f"{path.name}.lock", timeout=_LOCK_SECONDS):
            state = database_state(path)
            if state == "sound":
                return None
            draft = drafts / f"{os.getpid()}-{uuid.uuid4().hex}"
            try:
                quiet_client(f"{_SQLITE}{draft}").search_experiments(
                    max_results=1
                )  # asking for anything makes the tables
                _sync(draft)
                if state == "unfinished":
                    _refuse_foreign(path, draft)
                set_aside = _set_aside(path) if state == "damaged" else None
                _remove_companions(path)
                os.replace(draft, path)
            finally:
                draft.unlink(missing_ok=True)
                _remove_companions(draft)
            return set_aside
    except Timeout:
        raise TrackingUnavailable(f"another process has been making {path} for {_LOCK_SECONDS:g} s") from None
    except TrackingUnavailable:
        raise
    except Exception as error:  # whatever MLflow, SQLAlchemy or SQLite raise: the sweep must not suffer
        raise unavailable(uri, error) from error


def _tables(database: sqlite3.Connection) -> set[str]:
    """The names of its tables, without those that SQLite keeps for itself."""
    names = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name for name in names if not name.startswith("sqlite_")}


def _refuse_foreign(path: Path, complete: Path) -> None:
    """A file that merely lacks MLflow's experiments may be another program's, and all that it has.

    Args:
        path: what would be replaced.
        complete: a database with all tables of MLflow.

    Raises:
        TrackingUnavailable: it has tables that are none of MLflow's.
    """
    with contextlib.closing(sqlite3.connect(path)) as there, contextlib.closing(sqlite3.connect(complete)) as own:
        tables, known = _tables(there), _tables(own)
    if foreign := sorted(name for name in tables - known if not name.startswith(_MIGRATING)):
        raise TrackingUnavailable(
            f"{path} is no database of MLflow: it has the table '{foreign[0]}'; name another file or a server"
        )


def _set_aside(path: Path) -> str:
    folder = path.parent / SET_ASIDE_FOLDER
    folder.mkdir(exist_ok=True)
    target = folder / f"{path.name}.{uuid.uuid4().hex[:8]}"
    for companion in ("", *_COMPANIONS):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{companion}", f"{target}{companion}")
    return str(target)


def _remove_companions(path: Path) -> None:
    """Without its file a journal would be taken for that of the next one, and undo what is in it."""
    for companion in _COMPANIONS:
        Path(f"{path}{companion}").unlink(missing_ok=True)


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
