"""Where data come from, and a mark that never comes off: record, watermark, fingerprint, register."""
