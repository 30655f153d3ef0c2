# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that a user can act on: one line that names the thing, what was expected and the way out."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""Text that every terminal, message and file takes.

    Bytes of a file name or an argument that are no UTF-8, which Python keeps as lone surrogates, are shown as \xNN.
    """
    try:
        return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # other surrogates, as a message of JSON may have
        return str(text).encode("utf-8", "backslashreplace").decode()


class VisualByteError(Exception):
    """Every error that Visual Byte raises on purpose. Its text can be printed, whatever names it holds."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InvalidImage(VisualByteError):
    """A photo, frame or image message that cannot be read as a picture."""


class InvalidSound(VisualByteError):
    """A sound that holds no name to hear: silent, too short, too long, not finite, or not a sound file."""


class TooLong(InvalidSound):
    """A sound that may hold names, but is longer than one."""


class InvalidText(VisualByteError):
    """Words that cannot be rendered: empty or too long."""


class InvalidNames(VisualByteError):
    """A names file that cannot be read, or names that contradict each other."""


class BundleError(VisualByteError):
    """A bundle that is missing, altered, of an unknown format, or that this machine cannot run."""


class MemoryFolderError(VisualByteError):
    """A memory folder that cannot be opened, or that belongs to another bundle."""


class InvalidMemory(VisualByteError):
    """An embedding or observation that a memory cannot hold or search: wrong size, or not finite."""


class NotFound(VisualByteError):
    """What is to be changed is not there."""


class DeviceError(VisualByteError):
    """A camera or microphone that is not there or stopped answering."""


class ConfigurationError(VisualByteError):
    """A configuration value that does not exist or does not fit."""


class DataError(VisualByteError):
    """A data set that lacks what the command needs."""


class ModelError(VisualByteError):
    """A sentence model or Whisper that is missing or cannot be used."""
