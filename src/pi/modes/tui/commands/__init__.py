"""The slash commands of the terminal interface, one file each."""
