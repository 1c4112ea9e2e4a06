"""Published figures of next-item recommendation to stand beside ours, and what differs between the set-ups."""

SLIDES = {  # Table 3: model → (Recall@5, NDCG@5); the first four are the P5 and TIGER papers' own figures, copied there
    "amazon-beauty": {
        "HGN": (0.0325, 0.0206),
        "GRU4Rec": (0.0164, 0.0099),
        "BERT4Rec": (0.0203, 0.0124),
        "FDSA": (0.0267, 0.0163),
        "rq-VAE": (0.0136, 0.0086),
        "HC": (0.0129, 0.0078),
        "LMIndexer": (0.0415, 0.0262),
    }
}

RERUNS = {  # model → (Recall@5, whose)
    "amazon-beauty": {
        "SASRec, S3-Rec": (0.0387, "the P5 and TIGER papers' tables; the slides leave these rows out"),
        "TIGER": (0.0454, "its paper; re-runs: 0.0419 Cornac, 0.0422 GRID"),
        "SASRec, tuned": (0.0508, "Cornac"),
        "SASRec, cross-entropy": (0.0543, "RecBole, by issue 20 of LETTER"),
        "RPG": (0.0550, "its paper; re-run: 0.0533 Cornac"),
    }
}

DIFFERENCES = (
    "The slides' HGN, GRU4Rec, BERT4Rec and FDSA are digit for digit the figures of the P5 and TIGER papers, so they "
    "were not run by the slides' authors; their settings are not known.",
    "Published figures differ in whether items of the history may be recommended again; both readings are printed: raw "
    "(all items) and unseen (without them).",
    "Every item is ranked, and items with equal scores are ranked pessimistically. The split is leave-one-out, the "
    "history of the test holds the validation's item.",
    "Beauty has titles, brands and categories here, no descriptions; so FDSA and SASRec + text read less than the "
    "slides' models.",
    "ATT&CK's sequences are each group's or software's techniques in the order of the kill chain, not of time: what "
    "comes last is mostly of the last tactic, for all users alike.",
    "One budget for all neural models on one CPU thread, with early stopping on the validation split; published runs "
    "train for hundreds of epochs on a GPU.",
)
