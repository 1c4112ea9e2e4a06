"""The explorer: a Streamlit app in which a person understands a hierarchy of semantic IDs.

Pages only lay out; numbers come from `lmindexer.browse`, figures from `lmindexer.plots`.
Start it by `streamlit run explorer_app/app.py -- FOLDER …` or `lmindexer explore FOLDER …`.
"""
