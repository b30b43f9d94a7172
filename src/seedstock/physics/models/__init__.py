"""The model library: one file a model, with its equations, units and source; each ends with `MODEL` and `SOURCE`."""
