"""Seedstock grows training data from a small, real, imperfect data set."""
