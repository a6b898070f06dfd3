"""Lists, tuples, bytes and whole numbers out of a pickle, without unpickling: no name in it is looked up or called.

The opcodes are those that pickletools documents; the few that such data consists of are followed here, and every other
one is an error. Python 2's str, and bytes as Python 3 writes them at protocol 2 (a call of _codecs.encode with a text
in which each character is a byte), are bytes.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

__all__ = ["read_plain_pickle"]

_WITHOUT_VALUES = {"PROTO", "FRAME", "STOP"}
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG1"}
_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8"}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Text:
    """Bytes that are written as a text, until `_codecs.encode` is asked for."""

    data: bytes


class _Encode:
    """Stands for the function _codecs.encode."""


def read_plain_pickle(data: bytes) -> Any:
    """What a pickle of any protocol from 1 holds.

    Args:
        data: the pickle; what follows its end is not looked at.

    Returns:
        A list, tuple, bytes, bool or int, and within lists and tuples the same.

    Raises:
        ValueError: it is damaged, or holds anything else.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            machine.step(opcode.name, argument)
    except (IndexError, KeyError, TypeError) as error:
        raise ValueError("it takes from its stack what is not there") from error
    if len(machine.stack) != 1 or machine.marks:
        raise ValueError(
            f"it leaves {len(machine.stack):,} values and {len(machine.marks):,} marks instead of one value"
        )
    return machine.stack[0]


@dataclass
class _Machine:
    """The stack that a pickle's opcodes work on, with what they have put aside."""

    stack: list[Any] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, argument: Any) -> None:
        """Raises ValueError for what plain data does not need, IndexError and KeyError for what is not there."""
        if name in _BYTES or name in _NUMBERS:
            self.stack.append(argument)
        elif name in _TUPLES:
            self.stack.append(tuple(self._popped(len(self.stack) - _TUPLES[name])))
        elif name in self.STEPS:
            self.STEPS[name](self, argument)
        elif name not in _WITHOUT_VALUES:
            raise ValueError(f"it holds {name}, not just lists, bytes and numbers")

    def _popped(self, start: int) -> list[Any]:
        """What lies on the stack from there on, at least nothing, taken off it."""
        if start < (self.marks[-1] if self.marks else 0):
            raise IndexError(start)
        found = self.stack[start:]
        del self.stack[start:]
        return found

    def _append(self, items: list[Any]) -> None:
        into = self.stack[-1]
        if not isinstance(into, list):
            raise TypeError(into)
        into += items

    def _put(self, key: int) -> None:
        self.memo[key] = self.stack[-1]

    def _known(self, name: str) -> None:
        if name != "_codecs encode":
            raise ValueError(f"it holds {name.replace(' ', '.')}, not just lists, bytes and numbers")
        self.stack.append(_Encode())

    def _encoded(self) -> None:
        function, arguments = self._popped(len(self.stack) - 2)
        if not isinstance(function, _Encode) or not isinstance(arguments, tuple) or len(arguments) != 2:
            raise TypeError(function)
        text, encoding = arguments
        if not isinstance(text, _Text) or encoding != _Text(b"latin1"):
            raise TypeError(text)
        self.stack.append(text.data)

    STEPS: ClassVar[dict[str, Callable[["_Machine", Any], None]]] = {
        "MARK": lambda self, _: self.marks.append(len(self.stack)),
        "EMPTY_LIST": lambda self, _: self.stack.append([]),
        "NEWTRUE": lambda self, _: self.stack.append(True),
        "NEWFALSE": lambda self, _: self.stack.append(False),
        "LIST": lambda self, _: self.stack.append(self._popped(self.marks.pop())),
        "TUPLE": lambda self, _: self.stack.append(tuple(self._popped(self.marks.pop()))),
        "APPEND": lambda self, _: self._append(self._popped(len(self.stack) - 1)),
        "APPENDS": lambda self, _: self._append(self._popped(self.marks.pop())),
        "SHORT_BINSTRING": lambda self, text: self.stack.append(text.encode("latin-1")),
        "BINSTRING": lambda self, text: self.stack.append(text.encode("latin-1")),
        "BINUNICODE": lambda self, text: self.stack.append(_Text(text.encode("latin-1"))),
        "GLOBAL": lambda self, name: self._known(name),
        "REDUCE": lambda self, _: self._encoded(),
        "MEMOIZE": lambda self, _: self._put(len(self.memo)),
        **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda self, key: self._put(key)),
        **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda self, key: self.stack.append(self.memo[key])),
    }
