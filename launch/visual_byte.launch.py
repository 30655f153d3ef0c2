# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes, each in a process of its own; they configure and activate themselves (parameter `autostart`)."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

RESPAWN_S = 2.0
SWITCH = ["true", "false"]
SWITCH_OR_FILE = ["", *SWITCH]
AS_IN_THE_FILE = "Empty: as the file of parameters says."

ARGUMENTS = [
    DeclareLaunchArgument(
        "parameters",
        default_value=PathJoinSubstitution([FindPackageShare("visual_byte"), "config", "visual_byte.yaml"]),
        description="YAML file with the parameters of every node. The arguments that follow count more than it.",
    ),
    DeclareLaunchArgument(
        "namespace",
        default_value="",
        description="Namespace of all nodes and topics, one for each robot. The topics are relative to it.",
    ),
    DeclareLaunchArgument(
        "bundle",
        default_value="",
        description=f"Folder of the bundle that embedding_node, text_node and microphone_node load. {AS_IN_THE_FILE}",
    ),
    DeclareLaunchArgument(
        "memory_folder", default_value="", description=f"Folder in which memories are kept. {AS_IN_THE_FILE}"
    ),
    DeclareLaunchArgument(
        "camera",
        default_value="true",
        choices=SWITCH,
        description="Start camera_node. false: another camera driver publishes `image`; for whole frames over Fast DDS"
        " start it with FASTRTPS_DEFAULT_PROFILES_FILE=<share of visual_byte>/config/fastdds_profile.xml.",
    ),
    DeclareLaunchArgument(
        "source",
        default_value="",
        description=f"Where frames come from, as `source` of camera_node: device, file, folder... {AS_IN_THE_FILE}",
    ),
    DeclareLaunchArgument(
        "device", default_value="", description=f"Index, path or address of the camera. {AS_IN_THE_FILE}"
    ),
    DeclareLaunchArgument(
        "path", default_value="", description=f"Video, pattern or folder that camera_node plays. {AS_IN_THE_FILE}"
    ),
    DeclareLaunchArgument(
        "microphone",
        default_value="true",
        choices=SWITCH,
        description="Start microphone_node. false: names are typed only.",
    ),
    DeclareLaunchArgument(
        "markers",
        default_value="false",
        choices=SWITCH,
        description="Start markers_node, which shows on the map where things were seen, for RViz and Foxglove.",
    ),
    DeclareLaunchArgument(
        "record",
        default_value="",
        description="Folder of a bag to record what is seen, asked and answered into; empty: none.",
    ),
    DeclareLaunchArgument(
        "autostart",
        default_value="",
        choices=SWITCH_OR_FILE,
        description=f"false: a lifecycle manager configures and activates the nodes. {AS_IN_THE_FILE}",
    ),
    DeclareLaunchArgument(
        "use_sim_time",
        default_value="",
        choices=SWITCH_OR_FILE,
        description="true: stamps come from /clock; time limits still go by the steady clock.",
    ),
    DeclareLaunchArgument(
        "respawn",
        default_value="false",
        choices=SWITCH,
        description=f"Start a node again {RESPAWN_S:g} s after it ended.",
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="The least severe messages that the nodes log.",
    ),
]


def nodes(context: LaunchContext) -> list[Node]:
    given = context.launch_configurations
    shared = {name: given[name] == "true" for name in ("autostart", "use_sim_time") if given[name]}

    def node(name: str, **chosen: str) -> Node:
        """chosen: parameters of this node, and the arguments that give their values."""
        own = {parameter: given[argument] for parameter, argument in chosen.items() if given[argument]}
        return Node(
            package="visual_byte",
            executable=name,
            name=name,
            namespace=given["namespace"],
            parameters=[given["parameters"], {**shared, **own}],
            ros_arguments=["--log-level", given["log_level"]],
            respawn=given["respawn"] == "true",
            respawn_delay=RESPAWN_S,
            output="screen",
            emulate_tty=True,
        )

    started = [
        node("embedding_node", bundle="bundle", memory_folder="memory_folder"),
        node("text_node", bundle="bundle"),
    ]
    if given["microphone"] == "true":
        started.append(node("microphone_node", bundle="bundle"))
    if given["camera"] == "true":
        started.append(node("camera_node", source="source", device="device", path="path"))
    if given["markers"] == "true":
        started.append(node("markers_node"))
    if given["record"]:
        started.append(node("recorder_node", bag="record"))
    return started


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
