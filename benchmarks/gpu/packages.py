"""What simcore imports beside torch and numpy, on a machine that may lack it and reach no registry.

pydantic, safetensors, jaxtyping and Pillow come from wheels that were put beside the images (`make gpu-pack`). numba
and scipy are large and a GPU does without them: where they are missing, stand-ins let the modules be imported, and
refuse to be used.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

CARRIED = Path("build/gpu")
"""Where `make gpu-pack` puts images and wheels; ignored by git."""
_WHEELS = ("pydantic", "safetensors", "jaxtyping", "PIL")
_REQUIRED = ("pydantic", "safetensors", "jaxtyping")


def prepare(wheels: Path = CARRIED / "wheels") -> list[str]:
    """Make simcore's networks importable; returns one line for everything that was not installed.

    Raises:
        SystemExit: a required package is neither installed nor among the wheels, or fits another Python.
    """
    notes = []
    missing = [name for name in _WHEELS if find_spec(name) is None]
    if missing and any(wheels.glob("*.whl")):
        sys.path.append(_unpacked(wheels))  # last: what is installed goes first
        importlib.invalidate_caches()
        notes.append(f"not installed, taken from {wheels}: {', '.join(missing)}")
    for name in _REQUIRED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            version = ".".join(map(str, sys.version_info[:2]))
            raise SystemExit(
                f"{name} cannot be imported ({error}); where it can be downloaded, run "
                f"`make gpu-pack GPU_PYTHON={version}` and bring {wheels}"
            ) from None
    if not _usable("scipy", ["scipy.sparse", "scipy.interpolate"]):
        _stand_in_for_scipy()
        notes.append("no scipy: circuits with tabulated cells are left out")
    if not _usable("numba", ["numba", "simcore.crossbar"]):
        _stand_in_for_numba()
        notes.append("no numba: nothing is solved by the CPU's own kernels")
    return notes


def has(name: str) -> bool:
    """Whether the package is there, and not a stand-in for it."""
    return not isinstance(sys.modules.get(name), _StandIn) and find_spec(name) is not None


def _usable(package: str, probes: list[str]) -> bool:
    """Whether a package and simcore's modules above it can be imported: a numba may be too old for these kernels, or
    numpy too new for it. Half-imported modules are forgotten."""
    try:
        for name in probes:
            importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 (whatever it is, there is a way without the package)
        if find_spec(package) is not None:
            print(f"{package} is installed but of no use here: {type(error).__name__}: {error}".splitlines()[0])
        for name in [name for name in sys.modules if name.partition(".")[0] in (package, "simcore")]:
            del sys.modules[name]
        return False
    return True


class _StandIn(ModuleType):
    """A module any name can be imported from."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _refusal(name, self.__name__.partition(".")[0])


def _unpacked(wheels: Path) -> str:
    folder = tempfile.mkdtemp(prefix="wheels-")
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as file:
            file.extractall(folder)
    return folder


def _refusal(name: str, package: str) -> Callable[..., Any]:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise ModuleNotFoundError(f"{name} needs {package}, which is not installed")

    return refuse


def _install(name: str, **content: Any) -> None:
    module = _StandIn(name)
    module.__path__ = []  # a package, so that its submodules may be imported
    vars(module).update(content)
    sys.modules[name] = module


def _stand_in_for_numba() -> None:
    """Decorators that put a refusal in the place of every kernel."""

    def decorator(function: Any = None, **options: Any) -> Any:
        return _refusal(function.__name__, "numba") if callable(function) else decorator

    def overload(*arguments: Any, **options: Any) -> Any:
        return decorator

    types = SimpleNamespace(Integer=int)
    _install("numba", njit=decorator, prange=range, config=SimpleNamespace(), types=types, get_num_threads=lambda: 1)
    _install("numba.extending", overload=overload, register_jitable=decorator, intrinsic=decorator)
    _install("simcore.kernels.simd", lanes_of=lambda dtype: 1)


def _stand_in_for_scipy() -> None:
    for name in ("scipy", "scipy.interpolate", "scipy.sparse", "scipy.sparse.csgraph", "scipy.sparse.linalg"):
        _install(name)
