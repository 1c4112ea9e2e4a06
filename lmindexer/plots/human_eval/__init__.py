"""Figures of labelling studies: what annotators answered, how long they took, and what it says of methods."""
