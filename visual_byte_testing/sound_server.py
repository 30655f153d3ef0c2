# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""A real capture device without hardware: PulseAudio with a loudspeaker that a microphone hears, both plugged in here.

The daemon, its socket and the ALSA configuration live in a folder of their own; nothing of the user's is touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from visual_byte_testing.graph import wait_until

MICROPHONE = "kitchen"


class SoundServer:
    """Plugged in at first. Programs that run with `environment` see the microphones `default` and `kitchen`."""

    def __init__(self, *, channels: int = 2, rate: int = 48_000) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sound"))  # short: a socket's path has 107 characters at most
        socket = self._folder / "socket"
        configuration = self._folder / "asound.conf"
        device = f'{{ type pulse server "unix:{socket}" device "room.monitor" }}'
        configuration.write_text(f"pcm.!default {device}\npcm.{MICROPHONE} {device}\n")
        self.environment = {"ALSA_CONFIG_PATH": str(configuration), "PULSE_SERVER": f"unix:{socket}"}
        own = ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH")
        environment = {**os.environ, **{name: str(self._folder) for name in own}}
        command = [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disable-shm=yes",
        ]
        command += ["-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"]
        with open(self._folder / "log", "wb") as log:
            self._daemon = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self._sink = f"sink_name=room channels={channels} rate={rate}"
        try:
            wait_until(socket.exists, "the socket of PulseAudio")
            self.plug_in()
        except BaseException:
            self.close()
            raise

    def plug_in(self) -> None:
        self._module = self._control("load-module", "module-null-sink", *self._sink.split())

    def unplug(self) -> None:
        self._control("unload-module", self._module)

    def is_heard(self) -> bool:
        """Whether some program listens to the microphone."""
        return bool(self._control("list", "short", "source-outputs"))

    def play(self, path: Path) -> None:
        """To the end; what is played before a microphone is open is lost."""
        command = ["paplay", "--device=room", str(path)]
        subprocess.run(command, env={**os.environ, **self.environment}, check=True, timeout=30)

    def close(self) -> None:
        self._daemon.terminate()
        self._daemon.wait(10)
        shutil.rmtree(self._folder)

    def _control(self, *command: str) -> str:
        done = subprocess.run(
            ["pactl", *command], env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=30
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
