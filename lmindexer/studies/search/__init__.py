"""The slides' Tables 4 and 6 on any corpus with queries: lines, and the report."""
