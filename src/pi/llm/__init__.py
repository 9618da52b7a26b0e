"""Layer 1, talking to models: messages, events, the one door `stream`, models, keys and prices."""
