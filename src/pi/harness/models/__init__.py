"""Which model answers: the choice, its changes, who stands in for it, and what is known to be down."""
