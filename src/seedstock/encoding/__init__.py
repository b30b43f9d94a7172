"""Columns <-> model space: numbers, categories, times; makers of ids and texts."""
