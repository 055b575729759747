"""The verbs of kerascnn. Heavy imports stand inside them, so that --help answers at once."""
