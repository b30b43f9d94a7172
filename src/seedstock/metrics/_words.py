"""Each score in words: a title, what it means, and what to do when it is bad."""

from __future__ import annotations

import numpy as np

from seedstock.core.results import Score

_RARE = "Ask for more rows, or for given rare values (`--given`), and check that cleaning did not remove them."
_UTILITY = "Fit a stronger generator; check the trends that involve the target, and that all of its classes are drawn."
_IMAGES = "Give it more time (`--max-minutes`) or more images; try image_flow and image_diffusion, and a smaller size."
_COPIED = "Remove duplicates, bring more images, train shorter or with more augmentation, and do not share these."
_SEQUENCES = (
    "See the columns in the details; bring more sequences, or say with --role which column is whose (entity) and when."
)
_SERIES = (
    "See the columns in the details; bring a longer series, or say with --role which column is the time (order) and "
    "whose readings they are (entity)."
)
_LEARN = "Look at the columns with the largest error; try the default generator, more training rows, or cleaning first."
_TELLING = (
    "Look at the most telling columns in the details: often one column's grid, range or missing values give it away."
)
PERCENT = frozenset(
    [
        *("shape_error", "trend_error", "copy_rate", "rare_categories_kept", "rare_pairs_kept", "range_used"),
        *("invented", "within_support", "tails_kept", "forecast_error", "band_coverage", "parent_child_trend_error"),
        *("sequence_length_error", "gap_error", "transition_error", "rhythm_error", "burst_error", "memory_error"),
        *("autocorrelation_error", "profile_error", "course_error", "cross_correlation_error", "predictive_error"),
        *("image_copy_rate", "image_face_rate"),
    ]
)
"""Scores in percent; ``missing_error`` is in percentage points; others are shares, AUCs or in the target's units."""

_WORDS: dict[str, tuple[str, str, str]] = {
    "image_kernel_distance": (
        "Kernel distance",
        "How far drawn images are from the training images as a set, in thousandths; 0 is best.",
        _IMAGES,
    ),
    "image_trained_distance": (
        "Trained distance",
        "Kernel distance in what a net sees that was trained on photographs: more of shapes and less of light.",
        _IMAGES,
    ),
    "image_face_rate": (
        "Faces found",
        "Share of drawn images in which a face detector finds a face. It is easily pleased: compare the Gaussian's.",
        _IMAGES,
    ),
    "image_frechet_distance": (
        "Frechet distance",
        "How far the means and spreads of what drawn images show are from the real ones; 0 is best.",
        _IMAGES,
    ),
    "image_precision": ("Precision", "Share of drawn images that lie where real ones lie.", _IMAGES),
    "image_recall": ("Recall", "Share of real images that lie where drawn ones lie.", _IMAGES),
    "image_density": (
        "Density",
        "How densely drawn images fill the neighbourhoods of real ones, 1 being as densely.",
        _IMAGES,
    ),
    "image_coverage": ("Coverage", "Share of real images that have a drawn image in their neighbourhood.", _IMAGES),
    "image_detection": (
        "Detection by a linear model",
        "How well a linear model tells drawn from held-out images; 0.5 is a coin toss.",
        _IMAGES,
    ),
    "image_copy_rate": (
        "Copies of training images",
        "Share of drawn images that are far closer to one training image than to any other, mirrored or not.",
        _COPIED,
    ),
    "image_nearest_ratio": (
        "Distance to training images",
        "Median distance of drawn images to the nearest training image, where that of new real images is 1.",
        _COPIED,
    ),
    "sequence_length_error": (
        "Lengths of sequences",
        "How far the distribution of the numbers of events is from the real one, 0 % being equal.",
        _SEQUENCES,
    ),
    "gap_error": (
        "Times between events",
        "How far the distribution of the times between events is from the real one; by transition in the details.",
        _SEQUENCES,
    ),
    "transition_error": (
        "What follows what",
        "How far the shares of values that follow each other are from the real ones, on average over categories.",
        _SEQUENCES,
    ),
    "rhythm_error": (
        "Daily and weekly rhythm",
        "How far the shares of hours of the day and days of the week are from the real ones.",
        _SEQUENCES,
    ),
    "burst_error": (
        "Bursts",
        "How far the numbers of events in short windows are from the real ones.",
        _SEQUENCES,
    ),
    "memory_error": (
        "Memory of numbers",
        "How far correlations of a number with the one before it are from the real ones, in hundredths.",
        _SEQUENCES,
    ),
    "sequence_detection": (
        "Detection of whole sequences",
        "How well boosted trees tell whole synthetic sequences from real ones; 0.5 is a coin toss.",
        _SEQUENCES,
    ),
    "autocorrelation_error": (
        "Memory of the series",
        "How far correlations of a number with itself some moments before are from the real ones, in hundredths.",
        _SERIES,
    ),
    "profile_error": (
        "Daily, weekly and yearly profile",
        "How far the means at each hour, day of the week and month are from the real ones, in percent of the spread.",
        _SERIES,
    ),
    "course_error": (
        "Course in time",
        "How far the medians in twelve parts of the time are from the real ones, in percent of the spread.",
        _SERIES,
    ),
    "cross_correlation_error": (
        "What series have in common",
        "How far correlations of two numbers, up to four moments apart, are from the real ones, in hundredths.",
        _SERIES,
    ),
    "predictive_error": (
        "Forecasts learned from it",
        "Error on held-out readings of a one-step forecast that learned from the synthetic series, in percent of the "
        "spread; the floor is that of one that learned from real readings.",
        _SERIES,
    ),
    "forecast_error": (
        "Forecast of what came after",
        "How far drawn series are from the held-out last rows, in percent of a column's spread; beside it a "
        "statistical forecast from the training rows, without a mechanism.",
        "The mechanism foresees less than statistics do: try another model, or give it its controls.",
    ),
    "band_coverage": (
        "Held-out rows inside the bands",
        "Share of the held-out last cells that lie within the central 90 % of the drawn series.",
        "The bands are too narrow or off course: the mechanism lacks something that the real one has.",
    ),
    "course_checks": (
        "Could the real course be one of these",
        "The least predictive p-value of the course's statistics, corrected for their number: small where the drawn "
        "series never look like the real one.",
        "See which statistic differs, and ask `seedstock physics explain` with several models.",
    ),
    "referential_integrity": (
        "References that hold",
        "Share of references that point to a row whose key no other row has.",
        "Rows point to nothing: draw with the linked generator, which makes keys and references together.",
    ),
    "children_per_parent": (
        "Children per parent",
        "One minus the distance between real and synthetic numbers of children, the childless included; 1 is equal.",
        "Numbers of children differ: see which link in the details; few parents give noisy numbers.",
    ),
    "parent_child_trend_error": (
        "Trends between parents and children",
        "How far the joint behaviour of a child's and its parent's column is from the real one, 0 % being equal.",
        "Children do not follow their parents: see which link in the details; few rows give noisy trends.",
    ),
    "parents_detection_auc": (
        "Detection of parents with their children",
        "How well boosted trees tell synthetic parents from real ones by summaries of their children; 0.5 is best.",
        "Families give the synthetic tables away: see which table in the details.",
    ),
    "shape_error": (
        "Column shapes",
        "How far each column's distribution is from the real one on average, 0 % being equal and 100 % disjoint.",
        _LEARN,
    ),
    "trend_error": (
        "Pair trends",
        "How far the joint behaviour of each pair of columns is from the real one on average, 0 % being equal.",
        "Look at the worst pairs; the independent generator keeps no trends, and small tables give noisy ones.",
    ),
    "c2st": (
        "Indistinguishable by boosting",
        "1 if boosted trees cannot tell synthetic rows from the training rows, 0 if they always can.",
        _TELLING,
    ),
    "detection_auc": (
        "Detection by boosting",
        "How well boosted trees tell synthetic rows from unseen real ones: 0.5 is a coin toss, 1 is always.",
        _TELLING,
    ),
    "logistic_auc": (
        "Detection by a linear model",
        "How well logistic regression tells synthetic rows from unseen real ones: 0.5 is a coin toss, 1 is always.",
        "A linear model sees shifted means and shares: look at the column shapes first.",
    ),
    "precision": (
        "Precision",
        "Share of synthetic rows that lie where real rows lie.",
        "Implausible rows are made: look at the invented combinations and the worst pairs.",
    ),
    "recall": (
        "Recall",
        "Share of real rows that lie where synthetic rows lie.",
        "Part of the real variety is missing: ask for more rows or a generator that smooths less.",
    ),
    "density": (
        "Density",
        "How densely synthetic rows fill the neighbourhoods of real rows, 1 being as densely as real ones.",
        "Rows lie off the real neighbourhoods: look at the worst pairs and the most telling columns.",
    ),
    "coverage": (
        "Coverage",
        "Share of real rows that have a synthetic row in their neighbourhood.",
        "Regions of the real data stay empty: ask for more rows, and look at the rare categories that were lost.",
    ),
    "rare_categories_kept": (
        "Rare categories kept",
        "Share of the rare real categories that occur, of those expected for so many rows.",
        _RARE,
    ),
    "rare_pairs_kept": (
        "Rare combinations kept",
        "Share of the rare real pairs of categories that occur, of those expected for so many rows.",
        _RARE,
    ),
    "range_used": (
        "Range used",
        "How much of the range of the real numbers and dates the synthetic ones reach.",
        "The tails are cut: ask for more rows, or check whether outliers were clipped by cleaning.",
    ),
    "invented": (
        "Invented combinations",
        "Share of synthetic rows with a category or a pair of categories that no training row has.",
        "See the examples: if they are impossible rather than new, add a rule or fit a stronger generator.",
    ),
    "within_support": (
        "Within what was seen",
        "Share of synthetic rows that lie where real rows were observed, rather than between them or outside.",
        "See the part on what was never seen: rows between or outside are guesses, and no observations.",
    ),
    "tails_kept": (
        "Tails kept",
        "Share of the columns whose rare categories, spread and outer 1 % came through, beyond what chance explains.",
        "Do not fit another model to these rows: see the lost tails in the details, and ask for them (`--rare`).",
    ),
    "missing_error": (
        "Missing values",
        "How far each column's share of missing cells is from the real one, in percentage points.",
        "Check that missing values were recognised when reading (tokens such as ? or NA).",
    ),
    "copy_rate": (
        "Exact copies",
        "Share of synthetic rows that equal a training row in every cell; the floor says how often real rows do.",
        "Do not share these rows: fit with --privacy high, or larger leaves, and look for columns that single out.",
    ),
    "nearest_share": (
        "Nearest-neighbour share",
        "Share of synthetic rows nearer to a training row than to an unseen real one: 0.5 is ideal, 1 is copying.",
        "The generator remembers rows: fit with --privacy high, or larger leaves, remove duplicates, bring more rows.",
    ),
    "membership_auc": (
        "Membership attack",
        "How well the strongest of several attacks tells who was in the training data: 0.5 is a coin toss.",
        "An attacker learns who took part: fit with --privacy high, or larger leaves, or bring more training rows.",
    ),
    "membership_tpr": (
        "Members exposed",
        "Share of the training rows that an attack names while wrongly naming 1 % of others; 0.01 is chance.",
        "A few rows stand out: look at rare combinations and outliers, remembered first, and merge or drop them.",
    ),
}
_LEARNERS = {"boosting": "Boosted trees", "linear": "A linear model"}
_MEASURES = {
    "auc": ("AUC", "ranks unseen real rows: 0.5 is a coin toss, 1 is perfect; the floor is what real rows teach."),
    "macro_f1": ("macro F1", "labels unseen real rows, every class counting alike; the floor is what real rows teach."),
    "rmse": ("RMSE", "errs on unseen real rows, in the target's units; the floor is what real rows teach."),
}


def explain(score: Score) -> tuple[str, str, str]:
    """Return a score's title, what it means in one sentence, and what to do about it when it is bad.

    A score of a third party's metric gets its name as title.

    >>> explain(Score("utility_linear_auc", 0.9, 0.91, "high", 0.89))[0]
    'Train on synthetic, test on real: a linear model, AUC'
    """
    if score.name in _WORDS:
        return _WORDS[score.name]
    for learner, who in _LEARNERS.items():
        for measure, (label, does) in _MEASURES.items():
            if score.name == f"utility_{learner}_{measure}":
                title = f"Train on synthetic, test on real: {who[0].lower()}{who[1:]}, {label}"
                return title, f"How well {who[0].lower()}{who[1:]} that saw synthetic rows only {does}", _UTILITY
    title = score.name.replace("_", " ").capitalize()
    return title, "A measure of an added metric.", str(score.details.get("advice", "See the metric's own description."))


def in_words(score: Score) -> str:
    """Return where a score lies, in words, beside its floor.

    >>> in_words(Score("c2st", 0.95, 0.99, "high", 0.79))
    'good: 0.95, real data reach 0.99'
    """
    if np.isnan(score.value):
        return f"not measured: {score.details.get('why', 'no value')}"
    word = "good" if score.ok else "poor" if np.isfinite(score.good) else "measured"
    floor = "" if np.isnan(score.floor) else f", real data reach {shown(score.name, score.floor)}"
    return f"{word}: {shown(score.name, score.value)}{floor}"


def shown(name: str, value: float) -> str:
    """Return a score's value, floor or bound as text with its unit.

    >>> shown("shape_error", 0.61234), shown("missing_error", 2.0), shown("c2st", 0.9)
    ('0.612 %', '2 points', '0.9')
    """
    unit = " %" if name in PERCENT else " points" if name == "missing_error" else ""
    return f"{value:.3g}{unit}"
