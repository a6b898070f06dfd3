"""Which detector has found the faces; of a library that is older than this, MTCNN."""

__all__ = ["STATEMENTS"]

# As `DetectorSpec.to_json` of that time.
_MTCNN = """{"name": "mtcnn", "version": 1, "weights_sha256": [
"a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f",
"bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86",
"165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d"]}""".replace("\n", " ").replace("[ ", "[")

STATEMENTS = [
    # A library that is just being made has no model yet; who makes it says which detector it is for.
    f"""INSERT INTO library ("key", value) SELECT 'detector', '{_MTCNN}'
        WHERE EXISTS (SELECT 1 FROM library WHERE "key" = 'model')""",
]
