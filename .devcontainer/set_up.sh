#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# Once, in a new development container: what a robot has, the tools for its tests, and a first build.
set -euo pipefail
cd /workspace
python3 -m venv --system-site-packages .venv
touch .venv/COLCON_IGNORE
source .venv/bin/activate
(cd src/visual_byte && pip install -c constraints-jazzy.txt -e ".[jazzy,tts,bags]" onnx ruff mypy pre-commit)
source "/opt/ros/$ROS_DISTRO/setup.bash"
colcon build --symlink-install --cmake-args -DPython3_EXECUTABLE="$VIRTUAL_ENV/bin/python"
echo "source /workspace/.venv/bin/activate && source /workspace/install/setup.bash" >> ~/.bashrc
echo "Run the tests with: colcon test && colcon test-result --verbose"
