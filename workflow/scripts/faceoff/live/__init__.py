"""Read faces while they are seen: in the terminal (`faceoff live`), over HTTP and WebSockets
(`faceoff serve`).
"""
