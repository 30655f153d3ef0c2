# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""All nodes, each in a process of its own; they configure and activate themselves (parameter `autostart`)."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = [
    DeclareLaunchArgument(
        "parameters",
        default_value=PathJoinSubstitution([FindPackageShare("visual_byte"), "config", "visual_byte.yaml"]),
        description="YAML file with the parameters of every node.",
    ),
    DeclareLaunchArgument(
        "namespace",
        default_value="",
        description="Namespace of all nodes and topics, for more than one robot. The topics are relative to it.",
    ),
    DeclareLaunchArgument(
        "camera",
        default_value="true",
        choices=["true", "false"],
        description="Start camera_node. false: another camera driver publishes `image`; for whole frames over Fast DDS"
        " start it with FASTRTPS_DEFAULT_PROFILES_FILE=<share of visual_byte>/config/fastdds_profile.xml.",
    ),
    DeclareLaunchArgument(
        "microphone",
        default_value="true",
        choices=["true", "false"],
        description="Start microphone_node. false: names are typed only.",
    ),
    DeclareLaunchArgument(
        "markers",
        default_value="false",
        choices=["true", "false"],
        description="Start markers_node, which shows on the map where things were seen, for RViz and Foxglove.",
    ),
    DeclareLaunchArgument(
        "record",
        default_value="",
        description="Folder of a bag to record what is seen, asked and answered into; empty: none.",
    ),
    DeclareLaunchArgument(
        "log_level",
        default_value="info",
        choices=["debug", "info", "warn", "error", "fatal"],
        description="The least severe messages that the nodes log.",
    ),
]


def node(name: str, parameters: tuple[dict, ...] = (), **options: object) -> Node:
    return Node(
        package="visual_byte",
        executable=name,
        name=name,
        namespace=LaunchConfiguration("namespace"),
        parameters=[LaunchConfiguration("parameters"), *parameters],
        ros_arguments=["--log-level", LaunchConfiguration("log_level")],
        output="screen",
        emulate_tty=True,
        **options,
    )


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [
            *ARGUMENTS,
            node("embedding_node"),
            node("text_node"),
            node("microphone_node", condition=IfCondition(LaunchConfiguration("microphone"))),
            node("camera_node", condition=IfCondition(LaunchConfiguration("camera"))),
            node("markers_node", condition=IfCondition(LaunchConfiguration("markers"))),
            node(
                "recorder_node",
                parameters=({"bag": LaunchConfiguration("record")},),
                condition=IfCondition(PythonExpression(["'", LaunchConfiguration("record"), "' != ''"])),
            ),
        ]
    )
