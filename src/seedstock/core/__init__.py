"""Values that everything else is made of: tables, schemas, contracts, results, random streams, errors."""
