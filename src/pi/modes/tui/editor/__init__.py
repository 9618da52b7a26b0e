"""The editor: text, keys, history, completion."""
