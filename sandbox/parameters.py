"""Stripe's request parameters: form encoding with brackets, read by the tables of endpoints.json.

A parameter that no table names is an error here, never silently ignored. An empty string means
"not given", as at Stripe.
"""

import re
from collections.abc import Callable
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.errors import ApiError, Json, missing, no_such, unknown

DEEPEST = 8
LARGEST_AMOUNT = 99_999_999
LATEST = 10**11
Look = Callable[[str, str], Json | None]


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


def read(values: Json, table: Json, look: Look, path: str = "") -> Json:
    """The values that a table of parameters names, each read as the table says.

    A table gives each name its kind: `text 22` (at most 22 characters), `whole 1 100`, `amount`,
    `currency`, `url`, `flag`, `one of a b`, `id customer` (the object itself is given; after it
    the status of the error if there is none), `texts`, `times`, `metadata`; a table for an object
    in brackets, a list with one table for several of them. `!` is required, `= x` is what is meant
    if nothing is given. `look` finds an object by its id and kind. Raises ApiError as Stripe
    refuses.
    """
    given = {
        name: _read(values.get(name), kind, look, _in(path, name)) for name, kind in table.items()
    }
    for name in values:
        if name not in table:
            raise unknown(_in(path, name))
    return given


def _in(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _read(value: Any, kind: Any, look: Look, param: str) -> Any:
    if isinstance(kind, dict):
        return read(_checked(value or {}, dict, "object", param), kind, look, param)
    if isinstance(kind, list):
        several = enumerate(_array(value, dict, param))
        return [read(each, kind[0], look, f"{param}[{place}]") for place, each in several]
    if kind in STRUCTURES:
        return STRUCTURES[kind](value, param)
    words, _, default = kind.removesuffix("!").partition(" = ")
    name, *limits = words.split()
    given = _checked(value, (str, NoneType), "string", param) or default
    if not given:
        if kind.endswith("!"):
            raise missing(param)
        return None
    if name == "id":
        return existing(look, given, param, *limits)
    return KINDS[name](given, param, *limits)


def _checked(value: Any, kind: Any, word: str, param: str) -> Any:
    if not isinstance(value, kind):
        raise ApiError(f"Invalid {word}", param=param)
    return value


def _array(value: Any, kind: type, param: str) -> list[Any]:
    if not isinstance(value or [], list) or not all(isinstance(x, kind) for x in value or []):
        raise ApiError("Invalid array", param=param)
    return value or []


def existing(look: Look, key: str, param: str, kind: str, status: str = "400") -> Json:
    thing = look(key, kind)
    if thing is None:
        raise no_such(kind, key, param=param, status=int(status))
    return thing


# Kinds


def _text(value: str, param: str, longest: str = "5000") -> str:
    if len(value) > int(longest):
        raise ApiError(
            f"Invalid string: {value[:20]}…; must be at most {longest} characters", param=param
        )
    return value


def whole(value: str, param: str, least: int | str, most: int | str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,15}", value) or not int(least) <= int(value) <= int(most):
        raise ApiError(
            f"Invalid integer: {value[:40]}; must be between {least} and {most}",
            code="parameter_invalid_integer",
            param=param,
        )
    return int(value)


def _amount(value: str, param: str) -> int:
    return whole(value, param, 1, LARGEST_AMOUNT)


def _currency(value: str, param: str) -> str:
    currency = _text(value, param, "3").lower()
    if not re.fullmatch("[a-z]{3}", currency):
        raise ApiError(f"Invalid currency: {currency}.", param=param)
    return currency


def _one(value: str, param: str, _: str, *options: str) -> str:
    if value not in options:
        raise ApiError(f"Invalid {param}: must be one of {', '.join(options)}", param=param)
    return value


def _flag(value: str, param: str) -> bool:
    return _one(value, param, "of", "true", "false") == "true"


def _url(value: str, param: str) -> str:
    # The page sends a browser there: control characters would split the header.
    unsafe = any(ord(character) <= 32 or character == "\x7f" for character in value)
    if unsafe or urlsplit(_text(value, param)).scheme not in ("http", "https"):
        raise ApiError("Not a valid URL", code="url_invalid", param=param)
    return value


def _times(value: Any, param: str) -> list[tuple[str, int]]:
    """A moment, or its bounds in brackets, as conditions of the store."""
    if value and isinstance(value, str):
        moment = whole(value, param, 0, LATEST)
        return [("gte", moment), ("lte", moment)]
    bounds = _strings(value, param)
    for name in bounds.keys() - {"gt", "gte", "lt", "lte"}:
        raise unknown(_in(param, name))
    return [
        (name, whole(text, _in(param, name), 0, LATEST)) for name, text in bounds.items() if text
    ]


def _strings(value: Any, param: str) -> dict[str, str]:
    given = _checked(value or {}, dict, "object", param)
    return {name: _checked(text, str, "string", _in(param, name)) for name, text in given.items()}


def _metadata(value: Any, param: str) -> dict[str, str]:
    """Stripe's limits: 50 keys of 40 characters, values of 500. An empty value removes its key."""
    given = _strings(value, param)
    found = {key: _text(text, _in(param, key), "500") for key, text in given.items()}
    if len(found) > 50 or any(len(key) > 40 for key in found):
        raise ApiError(
            "Metadata can have up to 50 keys, with names of at most 40 characters", param=param
        )
    return found


def kept(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if value}


STRUCTURES: dict[str, Callable[[Any, str], Any]] = {
    "texts": lambda value, param: _array(value, str, param),
    "metadata": _metadata,
    "times": _times,
}
KINDS: dict[str, Callable[..., Any]] = {
    "text": _text,
    "whole": whole,
    "amount": _amount,
    "currency": _currency,
    "one": _one,
    "flag": _flag,
    "url": _url,
}
