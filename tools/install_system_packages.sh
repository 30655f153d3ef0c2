#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the few system packages that the virtual environment builds on, if any is missing:
#   tools/install_system_packages.sh PYTHON
# With root or sudo by apt-get; otherwise it says what to install and fails.
set -euo pipefail
python="$1"

missing=()
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
"$python" -c 'import pathlib, sys, sysconfig; sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())' ||
    missing+=(python3-dev)
command -v c++ >/dev/null || missing+=(build-essential)
ldconfig -p | grep -q 'libportaudio\.so\.2' || missing+=(libportaudio2)
[ ${#missing[@]} -gt 0 ] || exit 0

echo "Missing system packages: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Install them as root and run this again:  apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "Installing them with apt-get${as_root:+ (sudo may ask for your password)}."
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq --no-install-recommends "${missing[@]}"
