"""The verbs. Each takes what users have (a path or a frame) and gives back what they can use.

`seedstock.api.proving` stands apart: it needs learners, whose import takes a second.
"""

from seedstock.api.cleaning import clean, clean_dataset, undo, undo_dataset
from seedstock.api.filling import impute
from seedstock.api.growing import grow
from seedstock.api.labelling import label
from seedstock.api.mechanisms import discover, explain, physical_models
from seedstock.api.models import fit, sample, score
from seedstock.api.naming import apply_categories, categories, map_file, save_mapping
from seedstock.api.origin import register, trace
from seedstock.api.quality import check, judge, profile
from seedstock.api.reading import read

__all__ = [
    "apply_categories",
    "categories",
    "check",
    "clean",
    "clean_dataset",
    "discover",
    "explain",
    "fit",
    "grow",
    "impute",
    "judge",
    "label",
    "map_file",
    "physical_models",
    "profile",
    "read",
    "register",
    "sample",
    "save_mapping",
    "score",
    "trace",
    "undo",
    "undo_dataset",
]
