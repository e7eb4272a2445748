"""The trainer's own calls: a file each, prompt and output contract together. Data, no code."""
