"""A session as one page for a browser: read, told as cards, and written without anything from elsewhere."""
