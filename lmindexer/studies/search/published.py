"""The slides' figures of Tables 4 and 6, and how their set-up differs from ours."""

RETRIEVAL = {  # R@1, R@10 of NQ320k; R@10, NDCG@10 of TREC-DL 1M; MRR@10 of MACRO 1M
    "bm25": (0.2970, 0.6030, 0.2756, 0.2995, 0.3144),
    "Dual Encoder": (0.5360, 0.8300, 0.3612, 0.3941, 0.5561),
    "SEAL": (0.5990, 0.8120, None, None, None),
    "rq-VAE": (0.6480, 0.8322, 0.4199, 0.4579, 0.5159),
    "HC": (0.6439, 0.8213, 0.4265, 0.4571, 0.5126),
    "LMIndexer": (0.6631, 0.8589, 0.4519, 0.4695, 0.5485),
}
PRODUCTS = {  # NDCG@5, MAP@5 of Amazon-Beauty, Sports, Toys
    "bm25": (0.2490, 0.2152, 0.1898, 0.1581, 0.2085, 0.1760),
    "Dual Encoder": (0.2565, 0.2096, 0.2556, 0.2223, 0.2805, 0.2420),
    "SEAL": (0.1271, 0.1050, 0.2011, 0.1739, 0.1035, 0.0843),
    "rq-VAE": (0.2710, 0.2469, 0.2606, 0.2354, 0.2511, 0.2287),
    "HC": (0.2172, 0.1959, 0.1979, 0.1812, 0.2379, 0.2156),
    "LMIndexer": (0.3187, 0.2888, 0.2870, 0.2607, 0.2865, 0.2592),
}
DIFFERENCES = (
    "The slides fine-tune t5-base on eight GPUs; here the encoder is a frozen MiniLM and one core trains the rest.",
    "The slides' data sets (NQ320k, MS MARCO, TREC-DL; ESCI within Amazon's 5-core items) are not bundled; "
    "`lmindexer data prepare` reads their official files. The corpora here are others, so numbers do not compare.",
    "The slides' code takes NDCG's ideal from the retrieved list and counts hits within the list in MAP; here both "
    "know all right documents, as in trec_eval, which gives lower numbers for queries with several.",
    "Documents with equal scores rank pessimistically (the right ones last); the slides' suffix makes IDs unique.",
)
