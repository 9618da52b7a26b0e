"""Keys: their names, the actions they mean, and the file that changes them."""
