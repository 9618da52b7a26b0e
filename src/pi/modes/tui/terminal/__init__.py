"""The terminal around the app: clipboard, title, images, what it can do."""
