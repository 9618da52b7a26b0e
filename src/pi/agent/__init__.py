"""Layer 2, the agent loop: tools, events, queues and the run itself; it knows no files and no screen."""
