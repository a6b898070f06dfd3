"""A photo -> its faces with embeddings: decode, detect, align, embed, quality; pure, without a database.

May import detection, embedding, calibration, media and core.
"""

__all__: list[str] = []
