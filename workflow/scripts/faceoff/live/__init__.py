"""Serve pipelines over HTTP and WebSockets (`faceoff serve`)."""
