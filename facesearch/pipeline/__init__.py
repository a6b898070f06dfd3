"""The way of a photo up to its embeddings: decode -> detect -> align -> embed; pure, without a database.

May import detection, embedding, calibration, media and core.
"""

__all__: list[str] = []
