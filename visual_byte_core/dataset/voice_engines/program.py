# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Programs that speak a text into a WAV file, one process a clip."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from visual_byte_core.errors import DataError

LIMIT_S = 60  # for one name, on a machine with much else to do


def spoken_by(program: str, arguments: Callable[[Path, Path], list[str]], words: str) -> tuple[np.ndarray, int]:
    """Run `program` with the arguments for a text file and the WAV file to write: float32 (n,), samples a second.

    Raises:
        DataError: the program fails, takes over a minute or writes no sound.
    """
    with tempfile.TemporaryDirectory(prefix="visual_byte_") as folder:
        text, sound = Path(folder) / "words.txt", Path(folder) / "clip.wav"
        text.write_text(words + "\n", encoding="utf-8")
        output = run([program, *arguments(text, sound)])
        try:
            samples, rate = soundfile.read(sound, dtype="float32")
        except (OSError, soundfile.SoundFileError) as error:
            raise DataError(f"{program}: wrote no sound for {words!r}: {last_line(output)}") from error
    return np.asarray(samples), int(rate)


def require(program: str, package: str) -> None:
    """Raises DataError if the program is not there."""
    if not shutil.which(program):
        raise DataError(f"{program} is not installed; run: sudo apt-get install {package}")


def run(command: list[str]) -> str:
    """What the command printed.

    Raises:
        DataError: it fails or does not end.
    """
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{command[0]}: did not end within {LIMIT_S} s; stopped it") from error
    output = (done.stdout + done.stderr).decode(errors="replace")
    if done.returncode:
        raise DataError(f"{command[0]}: failed with exit code {done.returncode}: {last_line(output)}")
    return output


def last_line(output: str) -> str:
    """What a program said last, for a message; in words if it said nothing."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


_NOT_A_PERSON = {
    "cmu",
    "cstr",
    "nitech",
    "us",
    "uk",
    "in",
    "arctic",
    "diphone",
    "time",
    "cg",
    "clunits",
    "hts",
    "multisyn",
}


def festvox_speaker(voice: str) -> str:
    """The person behind a voice of flite or festival, which share many: `slt` of `cmu_us_slt_arctic_hts`."""
    person = "_".join(part for part in Path(voice).stem.split("_") if part not in _NOT_A_PERSON)
    return f"festvox {person.removesuffix('16')}"  # flite's kal16 is kal at another rate
