"""Data about people: recognised by their values, and replaced before anything is learned."""
