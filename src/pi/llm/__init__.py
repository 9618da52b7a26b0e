"""Layer 1, talking to models: messages, events, the one door `stream`, and what models, keys and prices are."""
