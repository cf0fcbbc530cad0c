"""Agreement between two people's work, from arrays and plain values alone."""
