"""Training histories of several runs as one table of curves."""

import pandas as pd

STAGES = ("reconstructor_warmup", "continuous", "codebook_init", "discrete")
MEASURES = {
    "perplexity": "perplexity",
    "within_prefix_perplexity": "perplexity inside a prefix",
    "diff_ratio": "diff ratio",
    "diff_ratio_released": "diff ratio (as released)",
    "macro_f1": "Macro-F1 of reconstruction",
    "used_codes": "used codes",
    "id_consistency": "share of unchanged IDs",
    "loss": "loss, all terms",
    "reconstruction": "reconstruction loss",
    "contrastive": "contrastive loss",
    "commitment": "commitment loss",
    "agreement": "agreement loss",
    "anchor": "anchor loss",
}


def curves(histories: dict[str, pd.DataFrame], measure: str) -> pd.DataFrame:
    """One row for each value that a history holds of `measure`.

    Args:
        histories: {run: history} with the columns stage, position and the measure.

    Returns:
        run, position, stage, record (1, 2, … along the position's stages in each run), epoch, seconds, value.
    """
    parts = []
    for run, history in histories.items():
        if history is None or measure not in history or history.empty:
            continue
        frame = _numbered(history).assign(run=run, value=pd.to_numeric(history[measure]).to_numpy())
        for name in ("epoch", "seconds"):
            frame[name] = frame.get(name, pd.NA)
        parts.append(frame[frame["value"].notna()])
    columns = ["run", "position", "stage", "record", "epoch", "seconds", "value"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def stage_spans(histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """position, stage, first, last: the records of each stage in the run that has the most of them."""
    parts = [_numbered(history) for history in histories.values() if history is not None and len(history)]
    if not parts:
        return pd.DataFrame(columns=["position", "stage", "first", "last"])
    spans = [part.groupby(["position", "stage"], sort=False)["record"].agg(["min", "max"]) for part in parts]
    table = pd.concat(spans).rename(columns={"min": "first", "max": "last"}).reset_index()
    longest = (table["last"] - table["first"]).groupby([table["position"], table["stage"]]).idxmax()
    return table.loc[longest].sort_values(["position", "first"], ignore_index=True)


def _numbered(history: pd.DataFrame) -> pd.DataFrame:
    """The history with whole positions from 1 and `record`, 1, 2, … along each position's stages."""
    frame = history.reset_index(drop=True)
    frame["position"] = pd.to_numeric(frame["position"]).fillna(1).clip(lower=1).astype(int)
    return frame.assign(record=frame.groupby("position").cumcount() + 1)


def measures_in(histories: dict[str, pd.DataFrame]) -> list[str]:
    """Those measures, in a fixed order, that at least one history holds a value of."""
    return [name for name in MEASURES if len(curves(histories, name))]
