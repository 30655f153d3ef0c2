# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""`visual-byte COMMAND ...`: exit code 0 done, 1 failed with one line that says why, 2 wrong arguments."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from visual_byte_core import __version__, log
from visual_byte_core.commands import (
    bench,
    calibrate,
    card,
    collect,
    distill,
    eval_bag,
    evaluate,
    export,
    figures,
    find,
    make_bag,
    memory,
    precompute,
    quiet,
    refusal,
    train,
)
from visual_byte_core.errors import ConfigurationError, VisualByteError, printable
from visual_byte_core.files import take_any_text

# What a command needs beyond the standard library it imports when it runs, so that --help is quick and a robot's
# commands never load what only training has.
COMMANDS = {
    "collect": collect,
    "precompute": precompute,
    "quiet": quiet,
    "train": train,
    "distill": distill,
    "export": export,
    "calibrate": calibrate,
    "refusal": refusal,
    "evaluate": evaluate,
    "figures": figures,
    "card": card,
    "find": find,
    "memory": memory,
    "eval-bag": eval_bag,
    "make-bag": make_bag,
    "bench": bench,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command with these arguments (those of the process if None) and return its exit code.

    Wrong arguments end in SystemExit(2), as argparse does.
    """
    parsed: argparse.Namespace | None = None
    take_any_text()
    if arguments is None:
        _keep_libraries_quiet()
    handler = _LogHandler()
    logger = logging.getLogger("visual_byte")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        parsed = make_parser().parse_args(arguments)
        code = int(parsed.run(parsed) or 0)
        sys.stdout.flush()  # here, where a reader that left is dealt with, and not as Python ends
        return code
    except KeyboardInterrupt:
        return _failed("interrupted")
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if parsed is None or parsed.debug:
            raise
        return _failed(*_explained(error, parsed.extra))
    finally:
        logger.removeHandler(handler)


def make_parser() -> argparse.ArgumentParser:
    """The parser of all commands; a command imports what it needs when it runs."""
    parser = argparse.ArgumentParser(
        prog="visual-byte",
        description="Find things by a spoken or typed name: make data, train, export, measure, search a folder.",
        epilog="Exit code 0: done; 1: failed, with one line that says why; 2: wrong arguments.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.HELP, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add_arguments(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of a failure")
        command.set_defaults(run=module.run, extra=module.EXTRA, parser=command)
    return parser


def _keep_libraries_quiet() -> None:
    """What libraries warn of has no file's name and no way out; our errors have both. --debug shows it."""
    if not sys.warnoptions and "--debug" not in sys.argv:
        warnings.simplefilter("ignore")
        log.libraries_are_quiet = True


class _LogHandler(logging.Handler):
    """Warnings and news on standard error, above a progress bar if one is running."""

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm

        level = "warning: " if record.levelno >= logging.WARNING else ""
        tqdm.write(f"visual-byte: {level}{printable(record.getMessage())}", file=sys.stderr)


def _explained(error: Exception, extra: str) -> tuple[str, int]:
    """One line for the user, and the exit code."""
    line = " ".join(printable(error).split())
    if isinstance(error, VisualByteError):
        return line, 2 if isinstance(error, ConfigurationError) else 1
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("visual_byte"):
        return f"{error.name} is not installed; this command needs: pip install '.[{extra}]' in Visual Byte's folder", 1
    if isinstance(error, OSError) and error.strerror:
        return f"{printable(error.filename)}: {error.strerror}" if error.filename else error.strerror, 1
    return f"unexpected {type(error).__name__}: {line}; --debug shows where", 1


def _failed(reason: str, code: int = 1) -> int:
    print(f"visual-byte: error: {reason}", file=sys.stderr)
    return code
