"""The third parties an evaluation asks: one file each, plain Python, frozen dataclasses out."""
