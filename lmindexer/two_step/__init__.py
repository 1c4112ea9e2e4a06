"""IDs in two steps: one vector a document, then codes for vectors.

embeddings/    where vectors come from        residual    residual k-means        tree    a tree of centres (HC)
rqvae_model, rqvae_training    an RQ-VAE

It knows vectors and codes; not the four verbs, which are in `indexers`. Read `residual.py` first.
"""
