"""From a model's reply to files: what we ask for, and how we read what comes."""
