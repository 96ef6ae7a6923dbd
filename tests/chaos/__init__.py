"""The chaos proof: parts are killed in the middle of imports, and what is left is counted."""
