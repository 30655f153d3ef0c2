# Visual Byte beside ROS 2 Jazzy, built as on a robot (README.md):
#   docker build -t visual_byte .
#   docker run --rm -it --network host visual_byte ros2 launch visual_byte visual_byte.launch.py --show-args
FROM ros:jazzy-ros-base AS base
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /workspace

# What package.xml and pyproject.toml name changes seldom: layers of their own.
COPY package.xml src/visual_byte/
RUN apt-get update && rosdep update --rosdistro "$ROS_DISTRO" \
    && DEBIAN_FRONTEND=noninteractive rosdep install --from-paths src --ignore-src --default-yes \
    && rm -rf /var/lib/apt/lists/*

FROM base AS build
COPY . src/visual_byte/
RUN python3 -m venv --system-site-packages .venv && touch .venv/COLCON_IGNORE \
    && source .venv/bin/activate \
    && cd src/visual_byte && pip install --no-cache-dir -c constraints-jazzy.txt ".[jazzy]"
RUN source "/opt/ros/$ROS_DISTRO/setup.bash" && source .venv/bin/activate \
    && colcon build --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE="$VIRTUAL_ENV/bin/python"
RUN echo 'source /workspace/.venv/bin/activate && source /workspace/install/setup.bash' >> /etc/bash.bashrc

FROM build
ENV PATH=/workspace/.venv/bin:$PATH VIRTUAL_ENV=/workspace/.venv
ENTRYPOINT ["/bin/bash", "-c", "source /workspace/install/setup.bash && exec \"$@\"", "--"]
CMD ["ros2", "launch", "visual_byte", "visual_byte.launch.py"]
