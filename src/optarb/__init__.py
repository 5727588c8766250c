"""optarb."""
