"""Shared PyTorch code: the only folder that imports torch when it is imported itself."""
