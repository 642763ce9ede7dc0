"""The HTTP end: connections and their bounds, what clients accept, how answers are written."""
