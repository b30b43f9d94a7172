"""Rules that hold between columns: found, declared, and kept in the rows that are drawn."""
