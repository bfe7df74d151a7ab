"""Analyse one's own videos and pictures, without a configuration."""

DETECTOR, MODELS = "mediapipe_short", ("faceoff_small",)  # by default
