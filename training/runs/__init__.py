"""The directory of a run: what is in it, who may write it, how it is loaded and resumed."""
