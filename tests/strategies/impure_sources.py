"""The corpus of the purity check: sources that must be refused, each with what is wrong, and sources that must pass."""

from typing import Final

_CLASS: Final = "class Gap:\n    name = 'gap'\n    version = '1'\n"
_ENTRY: Final = _CLASS + "    def entry(self, view, parameters):\n        {}\n        return None\n"


def in_entry(line: str, before: str = "") -> str:
    """Return a strategy with a line in its entry, and lines before the class."""
    return f"{before}\n{_ENTRY.format(line)}"


IMPURE: Final[dict[str, str]] = {
    # what it imports
    "os": in_entry("os.getpid()", "import os"),
    "from os": in_entry("environ['A']", "from os import environ"),
    "dotted": in_entry("os.path.exists('x')", "import os.path"),
    "as": in_entry("math.getpid()", "import os as math"),
    "inside a function": in_entry("import socket"),
    "subprocess": in_entry("run(['ls'])", "from subprocess import run"),
    "requests": in_entry("requests.get('http://x')", "import requests"),
    "httpx": in_entry("pass", "import httpx"),
    "pathlib": in_entry("Path('x').read_text()", "from pathlib import Path"),
    "io": in_entry("io.open('x')", "import io"),
    "sys": in_entry("sys.exit()", "import sys"),
    "threading": in_entry("pass", "import threading"),
    "asyncio": in_entry("pass", "import asyncio"),
    "logging": in_entry("pass", "import logging"),
    "importlib": in_entry("importlib.import_module('os')", "import importlib"),
    "operator's getter": in_entry("attrgetter('x')(view)", "from operator import attrgetter"),
    "pickle": in_entry("pass", "import pickle"),
    "ctypes": in_entry("pass", "import ctypes"),
    "everything": in_entry("pass", "from math import *"),
    "builtins": in_entry("builtins.open('x')", "import builtins"),
    "haru's own insides": in_entry("install(None)", "from strategies.catalogue import install"),
    "the database": in_entry("pass", "from database.pool import open_pool"),
    "the type checker's branch hides nothing": in_entry(
        "os.getpid()", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import os"
    ),
    "a module beside it that is not there": in_entry("pass", "from .helpers import mean"),
    "above its folder": in_entry("pass", "from ..secrets import key"),
    "pydantic's other names": in_entry("pass", "from pydantic import create_model"),
    "functions of types": in_entry("pass", "from types import FunctionType"),
    # clock
    "datetime.now": in_entry("datetime.now()", "from datetime import datetime"),
    "datetime.datetime.now": in_entry("datetime.datetime.now(datetime.UTC)", "import datetime"),
    "utcnow": in_entry("datetime.utcnow()", "from datetime import datetime"),
    "today": in_entry("date.today()", "from datetime import date"),
    "now under another name": in_entry("clock = dt.now\n        clock()", "from datetime import datetime as dt"),
    "time": in_entry("time.time()", "import time"),
    "from time": in_entry("monotonic()", "from time import monotonic"),
    "local zone": in_entry("view.quote.observed_at.astimezone()"),
    "local timestamp": in_entry("datetime.fromtimestamp(1)", "from datetime import datetime"),
    # chance
    "random": in_entry("random.random()", "import random"),
    "from random": in_entry("choice([1])", "from random import choice"),
    "uuid4": in_entry("uuid4()", "from uuid import uuid4"),
    "urandom": in_entry("os.urandom(8)", "import os"),
    "secrets": in_entry("secrets.token_bytes()", "import secrets"),
    "statistics' samples": in_entry("NormalDist().samples(3)", "from statistics import NormalDist"),
    "numpy's chance": in_entry("np.random.rand()", "import numpy as np"),
    "from numpy": in_entry("random.rand()", "from numpy import random"),
    "numpy.random": in_entry("default_rng()", "from numpy.random import default_rng"),
    "id": in_entry("id(view)"),
    "hash": in_entry("hash('x')"),
    # input and output
    "open": in_entry("open('x').read()"),
    "print": in_entry("print(view)"),
    "input": in_entry("input()"),
    "breakpoint": in_entry("breakpoint()"),
    "numpy's files": in_entry("np.load('x')", "import numpy as np"),
    "ta-lib's settings": in_entry("talib.set_unstable_period('RSI', 10)", "import talib"),
    "from ta-lib": in_entry("set_compatibility(1)", "from talib import set_compatibility"),
    # code that hides
    "eval": in_entry("eval('1')"),
    "exec": in_entry("exec('x = 1')"),
    "compile": in_entry("compile('1', '', 'eval')"),
    "__import__": in_entry("__import__('os')"),
    "__builtins__": in_entry("__builtins__['open']('x')"),
    "getattr": in_entry("getattr(view, 'qu' + 'ote')"),
    "setattr": in_entry("setattr(view, 'x', 1)"),
    "globals": in_entry("globals()['x'] = 1"),
    "vars": in_entry("vars(self)['x'] = 1"),
    "subclasses": in_entry("().__class__.__bases__[0].__subclasses__()"),
    "dict of an object": in_entry("self.__dict__['x'] = 1"),
    "object's setter": in_entry("object.__setattr__(self, 'x', 1)"),
    "eval under another name": in_entry("calculate('1')", "calculate = eval"),
    "type hints as code": in_entry("typing.get_type_hints(view)", "import typing"),
    "exit": in_entry("exit()"),
    # memory
    "global": in_entry("global seen\n        seen = 1", "seen = 0"),
    "a list of the module": in_entry("seen.append(1)", "seen = []"),
    "a dict of the module": in_entry("seen[1] = 1", "seen = {}"),
    "a set of the module": in_entry("seen.add(1)", "seen = {1}"),
    "a list in a tuple": in_entry("seen[0].append(1)", "seen = ([],)"),
    "a defaultdict": in_entry("seen[1] += 1", "from collections import defaultdict\nseen = defaultdict(int)"),
    "a counter": in_entry("next(number)", "import itertools\nnumber = itertools.count()"),
    "a list of the class": "class Gap:\n    name = 'gap'\n    seen = []\n    def entry(self, view, parameters): pass\n",
    "itself": in_entry("self.seen = view"),
    "its class": in_entry("Gap.seen = view"),
    "adding to itself": in_entry("self.count += 1"),
    "a default argument": f"def remembered(x, seen=[]):\n    seen.append(x)\n{_ENTRY.format('pass')}",
    "a keyword's default": f"def remembered(x, *, seen={{}}):\n    pass\n{_ENTRY.format('pass')}",
    "a cache": f"from functools import lru_cache\n@lru_cache\ndef slow(x):\n    return x\n{_ENTRY.format('pass')}",
    "a closure": "def outer():\n    n = 0\n    def inner():\n        nonlocal n\n        n += 1\n"
    + _ENTRY.format("pass"),
    "decimal's context": in_entry("decimal.getcontext().prec = 3", "import decimal"),
    "from decimal": in_entry("pass", "from decimal import localcontext"),
    # what runs while it is imported
    "a loop at the top": in_entry("pass", "while True:\n    pass"),
    "a call at the top": in_entry("pass", "sorted([1])"),
    "a with at the top": in_entry("pass", "with x:\n    pass"),
    "a try at the top": in_entry("pass", "try:\n    x = 1\nexcept Exception:\n    x = 2"),
    "an if at the top": in_entry("pass", "if 1:\n    x = 2"),
    "a loop in the class": "class Gap:\n    name = 'gap'\n    for x in (1, 2):\n        pass\n",
    "a comprehension at the top": in_entry("pass", "x = [y for y in (1, 2)]"),
    "async": "class Gap:\n    name = 'gap'\n    async def entry(self, view, parameters):\n        await view\n",
    "a decorator of a class": in_entry("pass", "def wrap(c):\n    return c\n@wrap\nclass A:\n    x = 1"),
    "a metaclass": in_entry("pass", "class M(type):\n    pass\nclass A(metaclass=M):\n    x = 1"),
    "what runs while a class is made": in_entry("pass", "class A:\n    def __init_subclass__(cls):\n        pass"),
    "what runs at each access": in_entry("pass", "class A:\n    def __getattr__(self, name):\n        return 1"),
    "no Python": "class Gap\n",
    "a null byte": "x = 1\0",
}
"""Sources that must be refused."""

PURE: Final[dict[str, str]] = {
    "as small as can be": in_entry("pass"),
    "the interface": in_entry("pass", "from strategies.api import EntrySignal, MarketView, Parameters, Percent"),
    "the domain": in_entry("pass", "from domain.market import MarketView\nimport domain.money"),
    "arithmetic": in_entry("math.sqrt(2)", "import math\nfrom decimal import Decimal\nHALF = Decimal('0.5')"),
    "statistics": in_entry("mean((1, 2))", "from statistics import mean"),
    "collections": in_entry("Counter((1, 2))", "from collections import Counter, deque"),
    "iterators": in_entry("list(takewhile(bool, (1, 0)))", "from itertools import takewhile"),
    "reduce": in_entry("reduce(max, (1, 2))", "from functools import reduce"),
    "times": in_entry("timedelta(minutes=5) * 2", "from datetime import time, timedelta\nOPEN = time(9)"),
    "parameters": in_entry(
        "pass",
        "from pydantic import Field\nfrom strategies.api import Parameters\n"
        "class P(Parameters):\n    n: int = Field(default=3, ge=1, le=9)\n",
    ),
    "a validator": in_entry(
        "pass",
        "from pydantic import field_validator\nfrom strategies.api import Parameters\n"
        "class P(Parameters):\n    n: int = 3\n    @field_validator('n')\n    @classmethod\n"
        "    def odd(cls, value):\n        return value\n",
    ),
    "a dataclass": in_entry(
        "pass", "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Band:\n    low: int = 1\n"
    ),
    "an enum": in_entry("pass", "from enum import Enum\nclass Side(Enum):\n    UP = 'up'\n"),
    "constants": in_entry("pass", "A = 1\nB = (1, 2.5, 'x')\nC = frozenset({1, 2})\nD = -A + 2\nE: int = 3"),
    "a table": in_entry("pass", "from types import MappingProxyType\nT = MappingProxyType({'a': 1, 'b': (2, 3)})"),
    "a list of its own": in_entry("found = []\n        found.append(1)\n        found[0] = 2"),
    "a dict of its own": in_entry("found = {}\n        found['x'] = 1"),
    "a loop": in_entry("for x in (1, 2):\n            pass"),
    "a try": in_entry("try:\n            1 / 0\n        except ZeroDivisionError:\n            pass"),
    "a comprehension": in_entry("[bar.close for bar in view.minutes]"),
    "a lambda": in_entry("sorted((2, 1), key=lambda x: -x)"),
    "a function": in_entry("half(2)", "def half(x, by=2, *, plus=None):\n    return x / by"),
    "a name for types": in_entry("pass", "from typing import Final, NewType\nN = NewType('N', int)\nX: Final = 3"),
    "an alias": in_entry("pass", "Pair = tuple[int, int]"),
    "for the type checker": in_entry(
        "pass", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from strategies.api import MarketView"
    ),
    "future": in_entry("pass", "from __future__ import annotations"),
    "numpy": in_entry("np.mean((1, 2))", "import numpy as np"),
    "ta-lib": in_entry("talib.SMA(x)", "import talib"),
    "indicators": in_entry("indicators(view).rsi()", "from strategies.indicators import indicators"),
    "the market's time": in_entry("in_seoul(view.quote.observed_at).hour", "from strategies.api import in_seoul"),
}
"""Sources that must pass."""
