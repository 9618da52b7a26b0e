"""The extension host: what extensions declare, how they are loaded, run, reloaded and unloaded."""
