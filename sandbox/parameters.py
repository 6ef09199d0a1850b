"""Stripe's request parameters: form encoding with brackets, read field by field.

`Fields` remembers which names were read, so that `refuse_unknown` can name any other: a
parameter that the sandbox does not serve is an error here, never silently ignored.
"""

import re
from collections.abc import Sequence
from typing import Literal, overload
from urllib.parse import parse_qsl, urlsplit

from sandbox.errors import ApiError, Json, missing

DEEPEST = 8
LARGEST_AMOUNT = 99_999_999


def decode(encoded: bytes) -> Json:
    """Nested parameters from `a[b][0]=c`. Raises ApiError for an encoding that makes no tree."""
    try:
        pairs = parse_qsl(
            encoded.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000
        )
    except ValueError as error:  # a UnicodeDecodeError is one too
        raise ApiError("Invalid request: the parameters are not form-encoded UTF-8.") from error
    tree: Json = {}
    for name, value in pairs:
        root, brackets = re.fullmatch(r"([^\[]*)(.*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
        path = [root, *re.findall(r"\[([^\]]*)\]", brackets)]
        if "".join(f"[{part}]" for part in path[1:]) != brackets or len(path) > DEEPEST:
            raise ApiError(f"Invalid parameter name: {name[:80]}", param=name[:80])
        _insert(tree, path, value, name)
    return {name: _with_lists(value) for name, value in tree.items()}


def _insert(tree: Json, path: list[str], value: str, name: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise ApiError(f"Invalid parameter: {name[:80]} is given twice.", param=name[:80])
    tree[path[-1] or str(len(tree))] = value


def _with_lists(value: object) -> object:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(item) for name, item in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


class Fields:
    """One level of a request's parameters. An empty string means "not given", as at Stripe."""

    def __init__(self, values: Json, path: str = "") -> None:
        self.values = values
        self.path = path
        self._read: set[str] = set()
        self._inner: list[Fields] = []

    def name(self, name: str) -> str:
        return f"{self.path}[{name}]" if self.path else name

    @overload
    def text(self, name: str, *, required: Literal[True], longest: int = ...) -> str: ...

    @overload
    def text(self, name: str, *, required: bool = ..., longest: int = ...) -> str | None: ...

    def text(self, name: str, *, required: bool = False, longest: int = 5000) -> str | None:
        self._read.add(name)
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise ApiError("Invalid string", param=self.name(name))
        if not value and required:
            raise missing(self.name(name))
        if value and len(value) > longest:
            raise ApiError(
                f"Invalid string: {value[:20]}…; must be at most {longest} characters",
                param=self.name(name),
            )
        return value or None

    @overload
    def whole(self, name: str, *, least: int, most: int, required: Literal[True]) -> int: ...

    @overload
    def whole(self, name: str, *, least: int, most: int, required: bool = ...) -> int | None: ...

    def whole(self, name: str, *, least: int, most: int, required: bool = False) -> int | None:
        value = self.text(name, required=required)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,15}", value) or not least <= int(value) <= most:
            raise ApiError(
                f"Invalid integer: {value[:40]}; must be between {least} and {most}",
                code="parameter_invalid_integer",
                param=self.name(name),
            )
        return int(value)

    def choice(self, name: str, options: Sequence[str], default: str | None = None) -> str | None:
        value = self.text(name)
        if value is not None and value not in options:
            raise ApiError(
                f"Invalid {self.name(name)}: must be one of {', '.join(options)}",
                param=self.name(name),
            )
        return value or default

    def flag(self, name: str, default: bool) -> bool:
        value = self.choice(name, ("true", "false"))
        return default if value is None else value == "true"

    def url(self, name: str, *, required: bool = False) -> str | None:
        value = self.text(name, required=required)
        if value is not None:
            # The page sends a browser there: control characters would split the header.
            unsafe = any(ord(character) <= 32 or character == "\x7f" for character in value)
            if unsafe or urlsplit(value).scheme not in ("http", "https"):
                raise ApiError("Not a valid URL", code="url_invalid", param=self.name(name))
        return value

    def inner(self, name: str) -> "Fields":
        """The fields in brackets; the same ones however often they are asked for."""
        for known in self._inner:
            if known.path == self.name(name):
                return known
        self._read.add(name)
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise ApiError("Invalid object", param=self.name(name))
        return self._keep(Fields(value, self.name(name)))

    def many(self, name: str) -> list["Fields"]:
        self._read.add(name)
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise ApiError("Invalid array", param=self.name(name))
        return [self._keep(Fields(item, f"{self.name(name)}[{i}]")) for i, item in enumerate(value)]

    def texts(self, name: str) -> list[str]:
        self._read.add(name)
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ApiError("Invalid array", param=self.name(name))
        return value

    def metadata(self) -> dict[str, str]:
        """Stripe's limits: 50 keys of 40 characters, values of 500."""
        given = self.inner("metadata")
        found = {key: given.text(key, longest=500) or "" for key in list(given.values)}
        if len(found) > 50 or any(len(key) > 40 for key in found):
            raise ApiError(
                "Metadata can have up to 50 keys, with names of at most 40 characters",
                param=given.path,
            )
        return found

    def _keep(self, fields: "Fields") -> "Fields":
        self._inner.append(fields)
        return fields

    def refuse_unknown(self) -> None:
        for name in self.values:
            if name not in self._read:
                raise ApiError(
                    f"Received unknown parameter: {self.name(name)} "
                    "(or one that this sandbox does not serve)",
                    code="parameter_unknown",
                    param=self.name(name),
                )
        for fields in self._inner:
            fields.refuse_unknown()
