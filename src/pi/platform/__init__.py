"""Layer 0, the machine below everything: processes, locks, atomic files, JSON with comments, ids, errors."""
