"""The models: the embedder, the reranker and the base model that both are made from.

In: texts. Out: vectors and scores. torch loads only when a model does.
"""
