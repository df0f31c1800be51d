"""Strategies and filters from a file, a folder and installed packages: checked, then imported, then known."""

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from inspect import isfunction
from pathlib import Path
from threading import Thread
from types import MappingProxyType, ModuleType
from typing import Any, Final, TypeVar

from domain.screening import CustomFilter
from strategies.admission import Admitted, NotAdmittedError, admitted, admitted_filter, is_strategy
from strategies.catalogue import BUILT_IN_MODULES, Catalogue, Refused, install
from strategies.purity import imports_in, impurities_of

ENTRY_POINTS: Final = "haru.strategies"
PATH_VARIABLE: Final = "HARU_STRATEGIES__PATH"
_PACKAGE: Final = "haru_strategies"
"""The package that the files of the configured folder belong to."""
_WRITABLE_BY_ALL: Final = 0o002
_LOADS_WITHIN: Final = 60.0
"""Seconds. A source may import NumPy from a slow disk."""
_READ: Final[dict[str, tuple[Path, ...]]] = {}
"""The files of each source hash."""
T = TypeVar("T")


@dataclass(slots=True)
class _Shelf:
    """What has been admitted so far."""

    strategies: dict[str, Admitted] = field(default_factory=dict)
    filters: dict[str, CustomFilter] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    filter_sources: dict[str, str] = field(default_factory=dict)

    def refuse(self, name: str, place: object, why: str) -> None:
        self.refused.append(Refused(name, str(place), why))

    def take(self, found: object, source: str, origin: str) -> None:
        """Admit a class or a function; refuse a name that is taken."""
        try:
            if isinstance(found, type):
                strategy = _bounded(lambda: admitted(found, source, origin))
                taken = self.strategies.setdefault(strategy.name, strategy)
                name, is_ours = strategy.name, taken is strategy
            else:
                name, keeps = admitted_filter(found)
                is_ours = self.filters.setdefault(name, keeps) is keeps
                self.filter_sources.setdefault(name, source)
        except (NotAdmittedError, TimeoutError) as error:
            self.refuse(getattr(found, "__name__", "?"), origin, str(error))
            return
        if not is_ours:
            self.refuse(name, origin, f"the name {name} is taken; choose another")


class _CheckedSource(SourceFileLoader):
    """Compile the source as it is now; never a cached file, whose source was not checked."""

    def path_stats(self, path: str) -> dict[str, int]:
        raise OSError(path)


def install_strategies(path: Path | None) -> Catalogue:
    """Load everything that this host brings, and make it known to the process."""
    catalogue = _loaded(path, _stamps(path), tuple(sys.path))
    install(catalogue)
    return catalogue


@lru_cache(maxsize=8)
def _loaded(path: Path | None, _as_of: tuple[object, ...], _search: tuple[str, ...]) -> Catalogue:
    shelf = _Shelf()
    for module in BUILT_IN_MODULES:
        _take_module(shelf, module, _digest([Path(str(module.__file__))]), "built in")
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: (each.name, each.value)):
        _take_package(shelf, entry)
    if path is not None:
        _take_path(shelf, path)
    return Catalogue(
        MappingProxyType(shelf.strategies),
        MappingProxyType(shelf.filters),
        tuple(shelf.refused),
        MappingProxyType(shelf.filter_sources),
    )


def _stamps(path: Path | None) -> tuple[object, ...]:
    """Return what changes when a file of the folder changes."""
    if path is None or not path.exists():
        return ()
    files = sorted(path.rglob("*.py")) if path.is_dir() else sorted(path.parent.glob("*.py"))
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)


def _take_path(shelf: _Shelf, path: Path) -> None:
    if not path.exists():
        shelf.refuse(PATH_VARIABLE, path, "does not exist; correct the path, or `python starter.py strategy new NAME`")
        return
    folder = path if path.is_dir() else path.parent
    files = sorted(folder.glob("*.py")) if path.is_dir() else [path]
    for name in [each for each in sys.modules if each == _PACKAGE or each.startswith(f"{_PACKAGE}.")]:
        del sys.modules[name]
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[_PACKAGE] = package
    for file in files:
        if not file.name.startswith(("test_", "_", "conftest")):
            _take_file(shelf, file, folder, is_named=not path.is_dir())


def _take_file(shelf: _Shelf, file: Path, folder: Path, *, is_named: bool) -> None:
    files = _checked(shelf, file, folder, _PACKAGE)
    if not files:
        return
    name = f"{_PACKAGE}.{file.stem}"
    spec = spec_from_file_location(name, file, loader=_CheckedSource(name, str(file)))
    module = sys.modules.get(name)
    try:
        if module is None and spec is not None and spec.loader is not None:
            module = sys.modules[name] = module_from_spec(spec)
            _bounded(partial(spec.loader.exec_module, module))
    except Exception as error:  # noqa: BLE001 - the called code may raise anything
        sys.modules.pop(name, None)
        shelf.refuse(
            file.stem, f"{file}:{_line_in(error, file)}", f"cannot be imported: {type(error).__name__}: {error}"
        )
        return
    if module is not None and not _take_module(shelf, module, _digest(files), str(file)) and is_named:
        shelf.refuse(file.stem, file, "has no strategy: write a class with name, version, Parameters and entry")


def _take_package(shelf: _Shelf, entry: EntryPoint) -> None:
    """Admit what an entry point names. Nothing of its package runs before all its sources are checked."""
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    file = _file_of(entry.module)
    if file is None:
        shelf.refuse(entry.name, origin, f"{entry.module} has no readable source; install a package with its .py files")
        return
    top, depth = entry.module.split(".", maxsplit=1)[0], entry.module.count(".")
    folder = file.parents[depth - (file.name != "__init__.py")] if depth else file.parent
    files = _checked(shelf, file, folder, top)
    if not files:
        return
    try:
        found: Any = _bounded(partial(import_module, entry.module))
        for each in filter(None, entry.attr.split(".")):
            found = getattr(found, each)
    except Exception as error:  # noqa: BLE001 - the called code may raise anything
        shelf.refuse(
            entry.name, f"{file}:{_line_in(error, file)}", f"cannot be imported: {type(error).__name__}: {error}"
        )
        return
    if isinstance(found, ModuleType):
        _take_module(shelf, found, _digest(files), origin)
    else:
        shelf.take(found, _digest(files), origin)


def _take_module(shelf: _Shelf, module: ModuleType, source: str, origin: str) -> bool:
    """Admit the strategies that a module defines, and the functions of its FILTERS; return whether there are any."""
    found = [each for each in vars(module).values() if is_strategy(each) and each.__module__ == module.__name__]
    found += [each for each in getattr(module, "FILTERS", ()) if isfunction(each) or not isinstance(each, type)]
    for each in found:
        shelf.take(each, source, origin)
    return bool(found)


def _checked(shelf: _Shelf, file: Path, folder: Path, package: str) -> list[Path]:
    """Return a file and those of its package that it imports; empty if one of them is refused."""
    files, left = [], [file, *_parents(file, folder)]
    while left:
        one = left.pop()
        if one in files:
            continue
        # An installed package is trusted like every other dependency beside it.
        if package == _PACKAGE and (objection := _objection_to_owner(one)):
            shelf.refuse(file.stem, one, objection)
            return []
        text = _text(one)
        siblings = {
            written: found for written in imports_in(text) if (found := _sibling(written, one, folder, package))
        }
        impure = impurities_of(text, str(one), frozenset(siblings))
        if impure:
            more = f" (and {len(impure) - 1} more)" if len(impure) > 1 else ""
            shelf.refuse(file.stem, f"{one}:{impure[0].line}", f"{impure[0].what}{more}")
            return []
        files.append(one)
        left += siblings.values()
    return files


def _sibling(written: str, file: Path, folder: Path, package: str) -> Path | None:
    """Return the file of a module of the same package, by the name in an import; None if it is another's."""
    name = written.lstrip(".")
    level = len(written) - len(name)
    if level:
        start = file.parent if level == 1 else file.parents[level - 1]
        if start != folder and folder not in start.parents:
            return None
    elif written == package or written.startswith(f"{package}."):
        start, name = folder, written[len(package) + 1 :]
    else:
        return None
    target = start.joinpath(*name.split(".")) if name else start
    found = (each for each in (target.with_suffix(".py"), target / "__init__.py") if each.is_file())
    return next(found, None)


def _parents(file: Path, folder: Path) -> Iterator[Path]:
    """Yield the ``__init__.py`` of each package around a file: they run when it is imported."""
    for parent in [each for each in file.parents if each == folder or folder in each.parents]:
        if (init := parent / "__init__.py").is_file() and init != file:
            yield init


def _file_of(module: str) -> Path | None:
    """Return a module's source without running any code of its package."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for base in spec.submodule_search_locations or ():
        target = Path(base).joinpath(*rest)
        for file in (target.with_suffix(".py"), target / "__init__.py"):
            if file.is_file():
                return file
    return None


def _bounded(act: Callable[[], T]) -> T:
    """Run what a source does while it is loaded; a default value or a validator of it may never end.

    Raises:
        TimeoutError: it takes too long. Its thread is interrupted at its next Python instruction.
    """
    done: Future[T] = Future()
    thread = Thread(target=_settle, args=(done, act), daemon=True, name="haru-loading")
    thread.start()
    try:
        return done.result(_LOADS_WITHIN)
    except FutureTimeoutError:
        if thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        raise TimeoutError(f"takes longer than {_LOADS_WITHIN:g} s to load") from None


def _settle(done: "Future[T]", act: Callable[[], T]) -> None:
    try:
        done.set_result(act())
    except BaseException as error:  # noqa: BLE001 - the called code may raise anything
        done.set_exception(error)


def _objection_to_owner(file: Path) -> str:
    """Return why a file may have been written by another user of the machine; its code would trade."""
    for each in (file, file.parent):
        found = each.stat()
        if found.st_uid not in {0, os.geteuid()} or found.st_mode & _WRITABLE_BY_ALL:
            return f"{each} can be changed by another user; `chmod go-w` it, and let it belong to you"
    return ""


def _digest(files: list[Path]) -> str:
    """Return the SHA-256 of sources by name; line ends do not count, since version control may change them."""
    digest = sha256()
    for file in sorted(files, key=lambda each: (each.name, str(each))):
        digest.update(f"{file.name}\0{_text(file)}\0".encode())
    _READ[digest.hexdigest()] = tuple(files)
    return digest.hexdigest()


def strategy_texts(strategy: Admitted) -> list[str]:
    """Return the sources that a strategy's hash covers."""
    return [_text(file) for file in _READ.get(strategy.source, ())]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return "not readable as UTF-8"  # no Python either, so that it is refused


def _line_in(error: BaseException, file: Path) -> int:
    """Return the line of a file at which an error arose."""
    line, trace = getattr(error, "lineno", None) or 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    return int(line)
