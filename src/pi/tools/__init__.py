"""Layer 3, the built-in tools: one file each, written the way an extension's tools are."""
