"""What `scripts/build_catalog.py` makes the model catalog of: two packages and tables of facts."""
