# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The messages of this version, from the files in msg/, and whether a bag was recorded with the same ones."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import MessageDefinitionFormat, Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from visual_byte_core.bags.stored_file import Channel
from visual_byte_core.errors import DataError

PACKAGE = "visual_byte"
ROOT = Path(__file__).resolve().parents[2]


def message_folder() -> Path:
    """Where our .msg files are: beside the package in a clone, under share/ where colcon or pip installed it.

    Raises:
        DataError: they are in none of these.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    prefixes.append(Path(sys.prefix))
    places = [ROOT / "msg", *(prefix / "share" / PACKAGE / "msg" for prefix in prefixes)]
    for place in places:
        if (place / "Query.msg").exists():
            return place
    raise DataError(
        f"no message definitions in {', '.join(map(str, places))}; run it in a clone, source setup.bash or install"
        " it by pip"
    )


@cache
def message_types() -> Typestore:
    """The standard messages of ROS 2 Jazzy and ours. A bag's own definitions are compared, never made into code."""
    types = get_typestore(Stores.ROS2_JAZZY)
    ours: dict[str, Any] = {}
    for path in sorted(message_folder().glob("*.msg")):
        ours.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"{PACKAGE}/msg/{path.stem}"))
    types.register(ours)
    return types


def check_definition(channel: Channel, bag: str) -> None:
    """Raise DataError, with the first field that differs, if a topic was recorded with another version of its message.

    A bag without definitions, as the older sqlite3 ones are, is compared by its hash if it has that.
    """
    ours = message_types()
    name = channel.type
    prefix = f"{bag}: topic {channel.topic}: another version of {name}"
    if name not in ours.fielddefs:
        raise DataError(f"{bag}: topic {channel.topic}: messages of type {name} are not known here")
    if channel.definition.format == MessageDefinitionFormat.NONE:
        if channel.digest and channel.digest != ours.hash_rihs01(name):
            raise DataError(f"{prefix}, by its hash; read it with the Visual Byte that recorded it")
        return
    parse = get_types_from_msg if channel.definition.format == MessageDefinitionFormat.MSG else _types_from_idl
    try:
        recorded = parse(channel.definition.data, name)
    except TypesysError as error:
        raise DataError(f"{bag}: topic {channel.topic}: its definition of {name} is none ({error})") from error
    difference = _difference(name, recorded, ours.fielddefs)
    if difference:
        raise DataError(f"{prefix}: {difference}; read it with the Visual Byte that recorded it")


def _types_from_idl(text: str, _: str) -> Any:
    return get_types_from_idl(text)


def _difference(name: str, recorded: Any, ours: Any) -> str:
    """What the first field that differs is in the bag and here; empty if none does."""
    if name not in recorded:  # a definition that leaves out standard messages means the standard ones
        return ""
    theirs, mine = dict(recorded[name][1]), dict(ours[name][1])
    for field in [*mine, *theirs]:
        there, here = (_kind(fields.get(field)) for fields in (theirs, mine))
        if there != here:
            return f"its field {field} of {name} is {there}, here it is {here}"
    if list(theirs) != list(mine):
        return f"its fields of {name} come in another order"
    nested = [_message_of(kind) for kind in mine.values()]
    return next((found for one in nested if one and (found := _difference(one, recorded, ours))), "")


def _kind(description: Any) -> str:
    """A field's type in words."""
    if description is None:
        return "missing"
    node, detail = description
    if node == Nodetype.NAME:
        return str(detail)
    if node == Nodetype.BASE:
        return str(detail[0])
    element, length = detail
    return f"{_kind(element)}[{length or ''}]"


def _message_of(description: Any) -> str:
    node, detail = description
    if node == Nodetype.NAME:
        return str(detail)
    return "" if node == Nodetype.BASE else _message_of(detail[0])


def new_message(name: str, **fields: Any) -> Any:
    """A message of this type; what is not given is zero or empty."""
    types = message_types()
    filled = {field: fields.pop(field, None) for field, _ in types.fielddefs[name][1]}
    if fields:
        raise TypeError(f"{name} has no field {', '.join(fields)}")
    kinds = dict(types.fielddefs[name][1])
    return types.types[name](**{f: _empty(kinds[f]) if value is None else value for f, value in filled.items()})


def _empty(description: Any) -> Any:
    node, detail = description
    if node == Nodetype.NAME:
        return new_message(detail)
    if node == Nodetype.BASE:
        return {"string": "", "bool": False, "float32": 0.0, "float64": 0.0}.get(detail[0], 0)
    (kind, element), length = detail
    if kind == Nodetype.BASE and element[0] != "string":
        return np.zeros(length, element[0])
    return [_empty((kind, element)) for _ in range(length)]
