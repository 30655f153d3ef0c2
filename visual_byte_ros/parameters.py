# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of a node, declared from one table with description and range."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from visual_byte_core.errors import ConfigurationError
from visual_byte_ros.rclpy_compat import given_value

Value = bool | int | float | str
Settings = TypeVar("Settings", bound=Any)


@dataclass(frozen=True)
class Parameter:
    """One row of a node's table.

    default: gives the type, too. expected: what a text must be, in words; choices: or one of these.
    unit: of a number, as a symbol (s, Hz, px); empty for a count or a share.
    live: a change takes effect at once; other changes are refused while the node is configured.
    read_only: it counts when the node starts, and never changes.
    number_too: a text for which the command line may give a number (-p device:=0).
    """

    name: str
    default: Value
    description: str
    minimum: float = 0
    maximum: float = 0
    choices: tuple[str, ...] = ()
    expected: str = ""
    live: bool = False
    number_too: bool = False
    unit: str = ""
    read_only: bool = False

    def descriptor(self) -> ParameterDescriptor:
        """What ROS tells of the parameter: description, range, choices, and whether it may change."""
        descriptor = ParameterDescriptor(
            name=self.name,
            description=self.description,
            dynamic_typing=self.number_too,
            read_only=self.read_only,
        )
        if self.choices:
            descriptor.additional_constraints = "one of: " + ", ".join(self.choices)
        elif self.expected:
            descriptor.additional_constraints = self.expected
        if isinstance(self.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(self.minimum), to_value=float(self.maximum))
            ]
        elif isinstance(self.default, int) and not isinstance(self.default, bool):
            descriptor.integer_range = [IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum), step=1)]
        return descriptor


AUTOSTART = Parameter(
    "autostart",
    True,
    "Configure and activate without being asked; false leaves that to a manager.",
    read_only=True,
)
BUNDLE = Parameter(
    "bundle",
    "",
    "The bundle to load; empty means the starter bundle that is installed with this package. All nodes need the same.",
    expected="path of a folder with a bundle.yaml",
)


class Parameters:
    """The parameters of one node: declares `table`, refuses values that do not fit, and gives the others.

    Raises ConfigurationError if a value that the user gave does not fit.
    """

    def __init__(self, node: Node, table: Iterable[Parameter]) -> None:
        self._node = node
        self._table = {parameter.name: parameter for parameter in table}
        self.fixed = False
        """The node is configured; only live parameters may change."""
        self.changed: Callable[[], None] = lambda: None
        """Called after live parameters have changed while the node is configured."""
        node.add_on_set_parameters_callback(self._check)
        for parameter in self._table.values():
            try:
                node.declare_parameter(parameter.name, parameter.default, parameter.descriptor())
            except ParameterException as error:
                raise ConfigurationError(f"{node.get_name()}: {self._explained(parameter, error)}") from error
        node.add_post_set_parameters_callback(self._tell)

    def __getitem__(self, name: str) -> Any:
        value = self._node.get_parameter(name).value
        return str(value) if self._table[name].number_too else value

    def settings(self, kind: type[Settings]) -> Settings:
        """Settings of the core whose fields are parameters of the same names. Raises ConfigurationError, as they do."""
        values: Settings = kind(**{field.name: self[field.name] for field in fields(kind)})
        return values

    def _check(self, changes: list) -> SetParametersResult:
        for change in changes:
            known = self._table.get(change.name)
            if known is None:  # use_sim_time and others that rclpy declares
                continue
            if known.choices and change.value not in known.choices:
                reason = f"{change.name} must be one of {', '.join(known.choices)}, got {change.value!r}"
                return SetParametersResult(successful=False, reason=reason)
            if self.fixed and not known.live:
                reason = (
                    f"{change.name} is read when the node is configured: deactivate and clean up the node, set it, and"
                    " configure it again"
                )
                return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _explained(self, parameter: Parameter, error: ParameterException) -> str:
        """In the words of the command line, where 10 is no decimal number and 10.0 is."""
        given = given_value(self._node, parameter.name)
        if isinstance(parameter.default, float) and isinstance(given, int) and not isinstance(given, bool):
            return f"{parameter.name} is a decimal number, got {given}; write {given}.0"
        return f"{error}; see ros2 param describe"

    def _tell(self, changes: list) -> None:
        if self.fixed and any(change.name in self._table for change in changes):
            self.changed()
