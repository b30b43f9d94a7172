"""Network data: what addresses, ports, names and flows are, and how they are told to others."""
