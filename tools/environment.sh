# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# The environment that `make` set up:  source tools/environment.sh
# Afterwards `python` has rclpy, visual_byte.msg, visual_byte_core and visual_byte_ros in one process.
# A ROS of another kind that this shell has sourced is put aside: two ROS in one process do not work.

_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source "$_root/.venv/bin/activate"
unset LD_LIBRARY_PATH ROS_DISTRO _ROS_WHEELS_BOOTSTRAP_COMPLETE
export AMENT_PREFIX_PATH="$VIRTUAL_ENV" CMAKE_PREFIX_PATH="$VIRTUAL_ENV" RMW_IMPLEMENTATION=rmw_fastrtps_cpp
export PYTHONPATH=
if [ -f "$_root/install/local_setup.bash" ]; then
    source "$_root/install/local_setup.bash"
fi
# The sources go before their installed copies, so that an edit needs no new build.
export PYTHONPATH="$_root${PYTHONPATH:+:$PYTHONPATH}"
unset _root
