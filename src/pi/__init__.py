"""Pi for Python: a minimal, composable coding-agent harness."""
