"""What the code knows: the probability of each hidden word with the code and without it."""

import plotly.graph_objects as go

from lmindexer.common.kinds import COUNT, TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, empty, plain


@takes(table=TABLE, words=COUNT)
def reconstruction(table, words: int = 24) -> go.Figure:
    """Hidden words of a document, those that the code helps most first.

    Args:
        table: token, hidden, with_code, without_code, rank_with, rank_without (`LMIndexer.reconstruct`); words without
            numbers, which training did not ask for, are left out.
        words: so many at most.
    """
    title = "What the code knows of the hidden words"
    word = table["token"].str.contains(r"\w", regex=True) & ~table["token"].str.fullmatch(r"[\[<].+[\]>]")
    shown = table["hidden"] & table["with_code"].notna() & word  # no punctuation, no [CLS], [SEP], </s>
    hidden = table[shown].drop_duplicates("token")
    if hidden.empty:
        return empty(title, "No word was hidden; show fewer hints.")
    gain = hidden["with_code"] - hidden["without_code"]
    hidden = hidden.loc[gain.sort_values(ascending=False, kind="stable").index].head(words)
    names = [plain(token, 24) for token in hidden["token"]]
    figure = go.Figure()
    for column, rank, name, colour in (
        ("with_code", "rank_with", "hints and code", COLOURS[0]),
        ("without_code", "rank_without", "without the code", OTHER),
    ):
        figure.add_bar(
            x=names, y=hidden[column], name=name, marker={"color": colour}, customdata=hidden[rank],
            hovertemplate=f"%{{x}}<br>{name}: probability %{{y:.4f}}, guess number %{{customdata:,}}<extra></extra>",
        )  # fmt: skip
    dress(figure, title, "Hidden word (a piece of it where the tokenizer splits)", "Probability", 360)
    figure.update_xaxes(type="category", tickangle=-40)
    figure.update_layout(legend={"orientation": "h", "y": 1.08, "x": 1, "xanchor": "right"}, bargap=0.25)
    return figure
