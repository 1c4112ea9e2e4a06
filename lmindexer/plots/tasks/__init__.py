"""Figures of task models: methods by a metric, where right answers are lost, and a beam's way down the tree."""
