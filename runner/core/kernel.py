"""One source, run two ways: `kernel`, `inner_kernel` and `hot_kernel` mark what numba may compile, `compiled`
loads a package compiled.

In: the name of a package whose modules import these marks from their own `.kernel`.
Out: the same package, imported a second time under another name with every kernel compiled.
Refuses to know: what the package computes. numba is imported here and nowhere else.

numba's disk cache looks only at the file of the function itself, never at the files it calls into, so a stale
caller could survive a change of a callee. The cache folder is therefore named by a hash of every source
that can
be compiled in; a change anywhere starts a new folder.
"""

import hashlib
import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# What can be compiled into a package's kernels.
_SOURCES = {"runner.core": ("runner.core", "runner.domain"), "indicators": ("indicators",)}


def kernel(function: F) -> F:
    """Mark a function of the compilable subset that Python calls; interpreted, it is the function itself."""
    return function


def inner_kernel(function: F) -> F:
    """Like `kernel`, for what only kernels call: without the code that takes Python's objects apart, which
    for a state is half of all compilation, and kept on disk as part of its caller.
    """
    return function


def hot_kernel(function: F) -> F:
    """Like `inner_kernel`, for what every bar needs: compiled into its caller, so that a state is not copied
    for a call.
    """
    return function


def numba_installed() -> bool:
    """Whether compiled runs are possible, found out without importing numba."""
    return importlib.util.find_spec("numba") is not None


def compiled(package: str, cache_root: Path) -> types.ModuleType:
    """The package with its kernels compiled; its modules are attributes, imported on demand by
    `module_of`.
    """
    alias = package.replace(".", "_") + "_compiled"
    if alias in sys.modules:
        return sys.modules[alias]
    import numba

    folder = _cache_folder(package, cache_root, numba.__version__)
    folder.mkdir(parents=True, exist_ok=True)
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    decorators = types.ModuleType(f"{alias}.kernel")
    inner: dict[str, Any] = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    decorators.kernel = numba.njit(cache=True, error_model="numpy")  # type: ignore[attr-defined]
    decorators.inner_kernel = numba.njit(**inner)  # type: ignore[attr-defined]
    decorators.hot_kernel = numba.njit(forceinline=True, **inner)  # type: ignore[attr-defined]
    origin = _folder_of(package)
    spec = importlib.util.spec_from_file_location(
        alias, origin / "__init__.py", submodule_search_locations=[str(origin)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[alias] = module
    sys.modules[f"{alias}.kernel"] = decorators
    spec.loader.exec_module(module)
    return module


def module_of(package: types.ModuleType, name: str) -> types.ModuleType:
    """The submodule `name` of a package, be it the interpreted or the compiled one."""
    return importlib.import_module(f"{package.__name__}.{name}")


def cache_is_warm(package: str, cache_root: Path) -> bool:
    """Whether an earlier process left compiled kernels of exactly these sources behind."""
    from importlib.metadata import version

    folder = _cache_folder(package, cache_root, version("numba"))
    return folder.is_dir() and any(folder.rglob("*.nbc"))


def _cache_folder(package: str, cache_root: Path, numba_version: str) -> Path:
    digest = hashlib.sha256(f"{numba_version} {sys.version} {os.uname().machine}".encode())
    for source in _SOURCES[package]:
        for path in sorted(_folder_of(source).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    return cache_root / f"{package}-{digest.hexdigest()[:16]}"


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent
