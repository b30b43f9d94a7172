"""Mechanistic models: calibrate, explain, generate, discover."""
