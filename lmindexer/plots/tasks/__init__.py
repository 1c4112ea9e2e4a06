"""Figures of task models: methods by a metric, and where right answers are lost."""
