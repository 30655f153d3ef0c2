# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""YAML files become data classes: every name is known, every value has its type, `--set a.b=c` overrides."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from visual_byte_core.errors import ConfigurationError

if TYPE_CHECKING:
    import yaml

T = TypeVar("T")


def load_configuration(kind: type[T], path: str | Path, overrides: list[str] | None = None) -> T:
    """Read a YAML file into a data class; `$NAME` in its strings is the environment's.

    Raises:
        ConfigurationError: no YAML, an unknown or missing name, a value of the wrong type, an unset variable.
    """
    import yaml  # here, so that the help of a command does not wait for it

    try:
        values = yaml.load(Path(path).read_text(encoding="utf-8"), _every_key_once()) or {}  # noqa: S506  a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path}: cannot be read as YAML ({' '.join(str(error).split())})") from error
    for override in overrides or []:
        _override(values, override)
    return build(kind, values)


def _every_key_once() -> type[yaml.SafeLoader]:
    """YAML that is plain data, and in which no key comes twice: the second would replace the first without a word."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if twice := [key for key in dict.fromkeys(keys) if keys.count(key) > 1]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{twice[0]} is there twice; keep one of them", node.start_mark
                )
            return super().construct_mapping(node, deep)

    return Loader


def build(kind: type[T], values: Any, where: str = "") -> T:
    """A data class of plain values, nested ones too; `where` is their place, for the message. Errors as above."""
    if not isinstance(values, dict):
        raise ConfigurationError(f"{where.rstrip('.') or 'configuration'}: expected names and values, got {values!r}")
    types = typing.get_type_hints(kind)
    unknown = sorted(map(str, set(values) - set(types)))
    if unknown:
        raise ConfigurationError(f"{where}{unknown[0]}: no such setting; known here: {', '.join(types)}")
    needed = [f.name for f in dataclasses.fields(kind) if _has_no_default(f)]  # type: ignore[arg-type]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ConfigurationError(f"{where}{missing[0]}: missing; known here: {', '.join(types)}")
    return kind(**{name: _convert(types[name], value, where + name) for name, value in values.items()})


def _override(values: Any, override: str) -> None:
    import yaml

    name, separator, value = override.partition("=")
    *sections, last = name.split(".")
    section = values
    for part in sections:
        section = section.setdefault(part, {}) if isinstance(section, dict) else None
    if not separator or not isinstance(section, dict):
        raise ConfigurationError(f"--set {override}: expected NAME=VALUE, such as optimizer.epochs=2")
    try:
        section[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"--set {override}: the value is no YAML") from error


def _convert(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return build(typing.cast(type, kind), value, name + ".")
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType and isinstance(value, (dict, list)):  # written as a mapping or as a list
        wanted = dict if isinstance(value, dict) else tuple
        fitting = [member for member in inner if typing.get_origin(member) is wanted]
        return _convert(fitting[0] if fitting else inner[0], value, name)
    if origin is tuple and isinstance(value, (list, tuple)):
        return tuple(_convert(inner[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {key: _convert(inner[1], item, f"{name}.{key}") for key, item in value.items()}
    expected = {float: (int, float), bool | str: (bool, str)}.get(kind, origin or kind)
    if (isinstance(value, bool) and kind in (int, float)) or not isinstance(value, expected):
        raise ConfigurationError(f"{name}: expected {getattr(kind, '__name__', kind)}, got {value!r}")
    if isinstance(value, str):
        return _expand(value, name)
    return float(value) if kind is float else value


def _expand(value: str, name: str) -> str:
    expanded = os.path.expandvars(value)
    if "$" in expanded:
        raise ConfigurationError(f"{name}: {value} needs an environment variable that is not set; export it first")
    return expanded


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
