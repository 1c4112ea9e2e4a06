"""The help line of every metric, with its formula."""

AMI = (
    "Adjusted mutual information of the first codes with the categories: "
    r"$\frac{MI - E[MI]}{\frac12 (H_{codes} + H_{categories}) - E[MI]}$. "
    "0 is what chance gives at any number of groups, 1 is the same grouping."
)
PERPLEXITY = (
    r"$\exp(-\sum_k p_k \ln p_k)$ with $p_k$ the share of documents that hold code $k$: how many are in even use. "
    "Between 1 (one code for all) and K. Below 10 % of min(K, N) it counts as a collapse."
)
WITHIN = (
    r"Perplexity of the position's code inside each prefix, averaged over documents: $\sum_g n_g PP_g / \sum_g n_g$ "
    "over prefixes with at least two documents. 1 means that the position only repeats its prefix."
)
UNIQUE = "Share of the documents whose learned codes no other document has (before the suffix)."
DIFF_RATIO = (
    "How much documents under one prefix differ at the position: distinct codes among a document and up to 4 others of "
    "its prefix, divided by how many they are, averaged over documents. 1 = all different."
)
MACRO_F1 = (
    r"Mean over words of $F_1 = \frac{2 P R}{P + R}$ of the reconstructor's best guess for each hidden word. It "
    "depends on how much the hints show, so compare it inside one stage only."
)
SHARE = "Documents under this prefix divided by all documents of the prefix before it."
PURITY = "Share of the leading category among the prefix's documents that have a category."
LIFT = (
    r"$\frac{P(category \mid prefix)}{P(category)}$ of the leading category: how many times more frequent it is here."
)
ENTROPY = r"$-\sum_c p_c \log_2 p_c$ over the categories under the prefix, in bits; 0 = one category only."
KEYWORDS = (
    r"Words that set the prefix apart (class-based TF-IDF): $tf(w, p) \cdot \ln(1 + A / f(w))$, with A the mean number "
    "of words in a prefix and f(w) the count of the word over all prefixes."
)
SUFFIX = "A counter among documents with equal codes; it keeps IDs apart and says nothing about meaning."
COSINE = r"$\frac{h \cdot h'}{\lVert h \rVert \lVert h' \rVert}$ of the documents' last hidden states."
INTERVAL = (
    "95 % interval by delete-a-group jackknife: 20 random groups of documents, each left out once, Student's t with 19 "
    "degrees of freedom. Above 10,000 documents on a sample, scaled to all."
)
LOSSES = {
    "perplexity": PERPLEXITY,
    "within_prefix_perplexity": WITHIN,
    "diff_ratio": DIFF_RATIO,
    "diff_ratio_released": DIFF_RATIO + " As the paper's released code counts it: the first 4 in file order, repeated.",
    "macro_f1": MACRO_F1,
    "used_codes": "Codes that at least one document holds.",
    "id_consistency": "Share of documents whose codes are those of the measurement before.",
    "loss": "The weighted sum of the losses of the stage.",
    "reconstruction": r"$-\sum_w \log P_{recon}(w \mid c_d, d_h)$, the mean over hidden words, in nats.",
    "contrastive": r"$-\log \frac{\exp(h \cdot h)}{\exp(h \cdot h) + \sum_{d'} \exp(h \cdot h_{d'})}$ over documents "
    "of the same prefix.",
    "commitment": r"$-\sum_{j<t} \log P_s(c^j \mid d, c^{<j})$: the codes already learned are to be kept.",
}
