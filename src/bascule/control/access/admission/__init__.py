"""What an object must be before it is stored: plugins in upstream's order, each a file of pure functions."""
