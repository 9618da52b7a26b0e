"""ACP mode: an editor drives Pi by the Agent Client Protocol on stdin and stdout."""
