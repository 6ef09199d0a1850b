"""The data files of the program: what is the same each time, and needs no code."""

import json
from importlib.resources import files
from typing import Any


def load(name: str) -> dict[str, Any]:
    return json.loads(files("sandbox").joinpath(name).read_bytes())
