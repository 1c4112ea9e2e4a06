"""Numbers that the slides print, to stand beside ours; and what differs between their set-up and ours."""

TABLE1 = {  # AMI of c1 with the leaf category
    "amazon-beauty": {
        "rq-VAE (BERT)": 0.2654,
        "HC (BERT)": 0.2428,
        "rq-VAE (in-domain SimCSE)": 0.3100,
        "HC (in-domain SimCSE)": 0.2771,
        "LMIndexer": 0.3563,
    }
}
TABLE2 = {  # perplexity; corpora Sports, Toys, Beauty
    "with the commitment loss": (305.39, 280.30, 287.01),
    "without": (147.10, 211.60, 261.04),
}
TABLE5 = {1: 0.3563, 2: 0.2390, 3: 0.1679}  # Beauty: layers of the reconstructor → AMI

DIFFERENCES = (
    "Their documents have descriptions and prices; Beauty here has titles and brands only, without descriptions.",
    "They fine-tune T5-base on a GPU for 30 epochs a stage; here MiniLM is frozen and a small decoder reads it, for "
    "1 to 3 epochs a stage on one CPU thread.",
    "Their two-step methods embed with BERT; here with mean-pooled MiniLM, which was trained for similarity and is the "
    "stronger start. SimCSE here begins at MiniLM, too.",
    "Their Table 1 compares c1 of 512 values (LMIndexer) with 256 (rq-VAE) and 50 (HC); the table of equal K does not.",
    "Their category path is part of the text; see the lines with category text.",
    "Their reconstruction asks for every word of a document in each step; here the slides' losses ask for 8, drawn "
    "anew each time.",
    "They give one number each, without seeds or intervals.",
)
