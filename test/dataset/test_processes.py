# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""Work in several processes: in order, and at an end whoever is killed or interrupted."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from visual_byte_core.dataset.processes import in_processes
from visual_byte_testing.paths import ROOT

JOBS = range(30_000)


def kill_itself_at_fifty(job: int) -> int:
    if job == 50:
        os.kill(os.getpid(), signal.SIGKILL)
    return job


def program(tmp_path: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run it as a file of its own: a hanging pool would keep the tests from ending."""
    (tmp_path / "program.py").write_text(text)
    return subprocess.run(
        [sys.executable, str(tmp_path / "program.py")],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}, capture_output=True, text=True, timeout=60,
        # A shell's background jobs ignore the interrupt, and what they start would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def test_results_come_in_the_order_of_the_jobs() -> None:
    assert list(in_processes(abs, [-job for job in JOBS], 2)) == list(JOBS)


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_processes((1).__truediv__, list(range(100, -1, -1)), 2))


def test_a_killed_process_is_an_error_and_no_hang(tmp_path: Path) -> None:
    done = program(
        tmp_path,
        "import sys\n"
        "from test_processes import JOBS, in_processes, kill_itself_at_fifty\n"
        "from visual_byte_core.errors import DataError\n"
        "if __name__ == '__main__':\n"
        "    sys.setswitchinterval(1e-6)  # so that threads that seldom get in each other's way do\n"
        "    for _ in range(10):\n"
        "        try:\n"
        "            list(in_processes(kill_itself_at_fifty, JOBS, 2))\n"
        "        except DataError as error:\n"
        "            print(error)\n",
    )
    assert done.stdout.count("a process was killed") == 10 and not done.stderr


def test_an_interrupt_does_not_reach_a_process_that_is_starting(tmp_path: Path) -> None:
    """A process imports the main file as it starts; from there it is sent what Ctrl-C sends to the whole group."""
    done = program(
        tmp_path,
        "import os, signal\n"
        "from visual_byte_core.dataset.processes import in_processes\n"
        "if __name__ != '__main__':\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "else:\n"
        "    print(sum(in_processes(abs, range(100), 2)))\n",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "4950\n", "")


def test_an_interrupt_while_the_processes_are_started_takes_effect_once_they_are(tmp_path: Path) -> None:
    """Two threads can receive it: the one that starts the processes, and that of a progress bar."""
    done = program(
        tmp_path,
        "import multiprocessing.process as process, os, signal, time\n"
        "from tqdm import tqdm\n"
        "from visual_byte_core.dataset.processes import in_processes\n"
        "def start(self, start=process.BaseProcess.start):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(.1)\n"
        "    start(self)\n"
        "    print('started', flush=True)\n"
        "if __name__ == '__main__':\n"
        "    process.BaseProcess.start = start\n"
        "    try:\n"
        "        print(len(list(tqdm(in_processes(time.sleep, [.01] * 1000, 2), total=1000, delay=60))))\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted')\n",
    )
    assert done.stdout == "started\nstarted\ninterrupted\n" and "Traceback" not in done.stderr
