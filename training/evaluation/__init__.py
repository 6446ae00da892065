"""The evaluation of a run: its likelihood, its gaps, its samples, and the record in evaluation.json."""
