"""The report of a run: what its files say, validated, drawn, written as one page."""
