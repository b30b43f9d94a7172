"""The outside world <-> `Dataset`: files, frames, folders, logs, databases."""
