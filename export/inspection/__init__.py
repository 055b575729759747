"""Files that other tools wrote: what stands in them, and how far they are from a model."""
