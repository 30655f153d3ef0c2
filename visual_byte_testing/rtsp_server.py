# SPDX-FileCopyrightText: 2026 The Visual Byte authors
# SPDX-License-Identifier: Apache-2.0
"""An RTSP server of GStreamer that streams a test picture: rtsp://127.0.0.1:PORT/mjpeg and, with x264, /h264.

    /usr/bin/python3 visual_byte_testing/rtsp_server.py PORT

The system's Python runs it, with Debian's gir1.2-gst-rtsp-server-1.0, python3-gi, gstreamer1.0-plugins-good and, for
H.264, gstreamer1.0-plugins-ugly. Prints "ready".
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

STREAMS = {
    "/mjpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
    "/h264": "x264enc tune=zerolatency key-int-max=15 ! rtph264pay name=pay0 pt=96",
}
PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=480,framerate=30/1,format=I420"

Gst.init(None)
server = GstRtspServer.RTSPServer(service=sys.argv[1], address="127.0.0.1")
for path, encoder in STREAMS.items():
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch(f"( {PICTURE} ! {encoder} )")
    server.get_mount_points().add_factory(path, factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
