"""Static check of a strategy's source: no import, clock, chance, I/O or memory that would make its answers differ.

It reads the text and runs nothing. What Python decides only at run time it cannot see (docs/strategies.md).
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

_WHOLE_MODULES: Final = frozenset(
    {
        *(
            "__future__",
            "abc",
            "annotated_types",
            "collections",
            "dataclasses",
            "datetime",
            "decimal",
            "enum",
            "itertools",
        ),
        *("math", "statistics", "typing"),
    }
)
_NAMES_OF: Final = {
    "functools": frozenset({"partial", "reduce"}),
    "pydantic": frozenset({"Field", "field_validator", "model_validator"}),
    "types": frozenset({"MappingProxyType"}),
}
"""Modules of which only these names may be imported."""
_OURS: Final = frozenset(
    {f"strategies.{name}" for name in ("api", "entry_rule", "indicators", "parameters", "windows")}
)
"""Modules of Haru for strategies; beside them the whole of ``domain``, which is pure itself."""
NUMERIC: Final = frozenset({"numpy", "talib"})
"""Numeric libraries that may be imported if installed; of numpy neither chance nor files."""
_NOT_OF_NUMERIC: Final = frozenset(
    {"random", "load", "memmap", "fromfile", "loadtxt", "set_unstable_period", "set_compatibility"}
)

_CALLS: Final = {
    **dict.fromkeys(("open", "input", "print", "breakpoint"), "does I/O; put what matters into the signal's reason"),
    **dict.fromkeys(
        ("eval", "exec", "compile", "__import__", "getattr", "setattr", "delattr", "globals", "locals", "vars", "dir"),
        "hides what it reaches from this check; name the attribute in the code",
    ),
    **dict.fromkeys(("id", "hash"), "differs between processes; compare values"),
    **dict.fromkeys(("exit", "quit"), "would end the host; return None"),
}
"""Names of the language that a strategy may not use at all, and why."""
_ATTRIBUTES: Final = {
    **dict.fromkeys(("now", "utcnow", "today"), "reads a clock; use view.quote.observed_at"),
    "fromtimestamp": "depends on the host's time zone; use in_seoul()",
    **dict.fromkeys(("get_type_hints", "ForwardRef"), "evaluates texts as code; name the type"),
    "samples": "draws random numbers; pass the numbers as parameters",
    "random": "draws random numbers; pass the numbers as parameters",
    **dict.fromkeys(("getcontext", "setcontext", "localcontext"), "changes decimal for the whole process; quantize()"),
    **dict.fromkeys(("load", "loadtxt", "fromfile", "memmap", "save", "savetxt", "tofile"), "does I/O; use the view"),
    **dict.fromkeys(
        ("set_unstable_period", "set_compatibility"), "changes TA-Lib for the whole process; ask for a longer window"
    ),
    **dict.fromkeys(("f_globals", "f_builtins", "gi_frame"), "hides what it reaches from this check"),
}
_IN_DECIMAL: Final = frozenset({"getcontext", "setcontext", "localcontext"})
_CONSTANT_CALLS: Final = frozenset(
    {
        *(
            "Decimal",
            "Percent",
            "Price",
            "Quantity",
            "Won",
            "Rate",
            "int",
            "float",
            "str",
            "bool",
            "round",
            "abs",
            "min",
        ),
        *("max", "sum", "len", "tuple", "frozenset", "range", "timedelta", "time", "date", "datetime", "timezone"),
        *("MappingProxyType", "TypeVar", "NewType", "ParamSpec", "Field", "ConfigDict", "field", "EntryRule"),
    }
)
"""What may be called outside functions: it gives an immutable value."""
_MUTABLE: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)
_AT_THE_TOP: Final = (
    *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Pass),
    ast.Expr,
)
_METHODS: Final = frozenset(
    {
        *("__new__", "__init_subclass__", "__set_name__", "__class_getitem__", "__prepare__", "__del__", "__call__"),
        *("__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__reduce__"),
    }
)
"""Methods that run unseen: while a class is made, or at any access."""
_CLASS_DECORATORS: Final = frozenset({"dataclass", "final", "unique"})
_DUNDER_NAMES: Final = frozenset({"__name__", "__all__"})


@dataclass(frozen=True, slots=True)
class Impurity:
    """One place in a source, what is wrong there, and the fix."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"{self.file}:{self.line}: {self.what}"


def impurities_of(text: str, file: str, siblings: frozenset[str] = frozenset()) -> tuple[Impurity, ...]:
    """Return every impurity that can be read from a source, by line.

    ``siblings`` are modules of its own package, as ``imports_in`` writes them. They may be imported, because
    they are checked in the same way.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return (Impurity(file, getattr(error, "lineno", None) or 1, f"cannot be read as Python: {error}"),)
    found = {(line, what) for check in _CHECKS for line, what in check(tree)}
    found |= set(_imports(tree, siblings))
    return tuple(Impurity(file, line, what) for line, what in sorted(found))


_Found = Iterator[tuple[int, str]]


def imports_in(text: str) -> frozenset[str]:
    """Return the modules that a source imports, as written: ``math``, ``.indicators``; empty if unreadable."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    plain = {each.name for node in nodes if isinstance(node, ast.Import) for each in node.names}
    return frozenset(plain.union(*(_written(node) for node in nodes if isinstance(node, ast.ImportFrom))))


def _written(node: ast.ImportFrom) -> set[str]:
    """Return the modules that ``from … import …`` needs, with a dot for each level."""
    dots = "." * node.level
    return {f"{dots}{node.module}"} if node.module else {f"{dots}{each.name}" for each in node.names}


def _imports(tree: ast.Module, siblings: frozenset[str]) -> _Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                if not _may_import(each.name, None, siblings):
                    yield node.lineno, _not_allowed(each.name)
        elif isinstance(node, ast.ImportFrom):
            yield from _from_imports(node, siblings)


def _from_imports(node: ast.ImportFrom, siblings: frozenset[str]) -> _Found:
    module = node.module or ""
    if node.level:
        missing = sorted(_written(node) - siblings)
        if missing:
            yield node.lineno, f"imports {', '.join(missing)}: there is no readable source of it beside this file"
        return
    for each in node.names:
        if each.name == "*":
            yield node.lineno, f"imports * from {module}: name what you use"
        elif not _may_import(module, each.name, siblings):
            yield node.lineno, _not_allowed(f"{module}.{each.name}")


def _may_import(module: str, name: str | None, siblings: frozenset[str]) -> bool:
    top = module.split(".", maxsplit=1)[0]
    if module in _NAMES_OF or top in _NAMES_OF:
        return name in _NAMES_OF.get(module, ())
    if top in NUMERIC:
        return "random" not in module.split(".") and name not in _NOT_OF_NUMERIC
    if module == "decimal" and name in _IN_DECIMAL:
        return False
    return top in _WHOLE_MODULES or top == "domain" or module in _OURS or module in siblings


def _not_allowed(what: str) -> str:
    allowed = ", ".join(sorted(_WHOLE_MODULES - {"__future__", "annotated_types"} | _NAMES_OF.keys()))
    return f"imports {what}, which a strategy may not; allowed are strategies.api, domain, {allowed}"


def _names(tree: ast.Module) -> _Found:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _CALLS:
            yield node.lineno, f"{node.id} {_CALLS[node.id]}"
        elif isinstance(node, ast.Name) and _is_dunder(node.id) and node.id not in _DUNDER_NAMES | _CALLS.keys():
            yield node.lineno, f"{node.id} hides what it reaches from this check; remove it"
        elif isinstance(node, ast.Attribute) and node.attr in _ATTRIBUTES:
            yield node.lineno, f".{node.attr} {_ATTRIBUTES[node.attr]}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".astimezone") and not node.args:
            yield node.lineno, ".astimezone() depends on the host's time zone; use in_seoul()"
        elif isinstance(node, ast.Attribute) and _is_dunder(node.attr) and node.attr != "__name__":
            yield node.lineno, f".{node.attr} hides what it reaches from this check; remove it"


def _memory(tree: ast.Module) -> _Found:
    """Find what would remember something between two calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield node.lineno, f"keeps {', '.join(node.names)} between calls; return values instead"
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.lineno, f"changes the attribute {node.attr}; a strategy has no memory, return values instead"
        elif isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno, "waits; a strategy answers at once, use def"
        elif isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from _mutable_defaults(node.args)


def _mutable_defaults(arguments: ast.arguments) -> _Found:
    for default in [*arguments.defaults, *filter(None, arguments.kw_defaults)]:
        if not _is_constant(default):
            yield default.lineno, "a default argument that can change is kept between calls; use None or a tuple"


def _top_level(tree: ast.Module) -> _Found:
    yield from _bodies(tree.body, is_class=False)


def _bodies(body: list[ast.stmt], *, is_class: bool) -> _Found:
    """Find what runs, or can change, outside functions."""
    where = "in a class" if is_class else "at the top of the file"
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _class(node)
        elif isinstance(node, ast.If) and ast.unparse(node.test).removeprefix("typing.") == "TYPE_CHECKING":
            continue
        elif not isinstance(node, _AT_THE_TOP) or (
            isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        ):
            yield node.lineno, f"runs code {where}; put it into a function"
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and not _is_constant(node.value):
            yield node.lineno, f"keeps a value {where} that can change; use a number, text, tuple or frozenset"
        elif isinstance(node, ast.FunctionDef):
            yield from _decorators(node)


def _class(node: ast.ClassDef) -> _Found:
    for keyword in node.keywords:
        yield node.lineno, f"{keyword.arg}=… runs code while the class is made; remove it"
    for each in node.decorator_list:
        name = ast.unparse(each.func if isinstance(each, ast.Call) else each)
        if name.split(".")[-1] not in _CLASS_DECORATORS:
            yield each.lineno, f"@{name} runs code while the class is made; remove it"
    yield from _bodies(node.body, is_class=True)


def _decorators(node: ast.FunctionDef) -> _Found:
    if node.name in _METHODS:
        yield node.lineno, f"{node.name} runs unseen; write a method that is called"
    allowed = {"staticmethod", "classmethod", "property", "field_validator", "model_validator", "abstractmethod"}
    for each in node.decorator_list:
        name = each.func if isinstance(each, ast.Call) else each
        if ast.unparse(name).split(".")[-1] not in allowed:
            yield each.lineno, f"@{ast.unparse(name)} may keep values between calls; call the function each time"


def _is_constant(node: ast.expr) -> bool:
    """Return whether an expression outside functions gives a value that cannot change."""
    if isinstance(node, _MUTABLE):
        return False
    if isinstance(node, ast.Call):
        return _is_constant_call(node)
    if isinstance(node, ast.Lambda | ast.Constant | ast.Name | ast.Attribute | ast.JoinedStr):
        return True
    if isinstance(node, ast.Subscript):
        return _is_constant(node.value)  # a type, such as tuple[int, ...]
    children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    kinds = (ast.Tuple, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Starred)
    return isinstance(node, kinds) and all(map(_is_constant, children))


def _is_constant_call(node: ast.Call) -> bool:
    name = ast.unparse(node.func).split(".")[-1]
    values = [*node.args, *(keyword.value for keyword in node.keywords)]
    if name == "MappingProxyType":  # its dict cannot be reached otherwise
        return len(values) == 1 and isinstance(values[0], ast.Dict) and all(map(_is_constant, values[0].values))
    if name in {"frozenset", "tuple", "sum", "min", "max"}:
        return all(isinstance(each, ast.Set | ast.List) or _is_constant(each) for each in values)
    return name in _CONSTANT_CALLS and all(map(_is_constant, values))


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


_CHECKS: Final[tuple[Callable[[ast.Module], _Found], ...]] = (_names, _memory, _top_level)
