"""How the embedder is trained. Runs from a checkout, `python -m train …`; never shipped, never imported by facesearch.

align       a folder a person -> aligned crops and a manifest, through the product's own detector
import      InsightFace's .rec or WebDataset shards -> the same
fit         a recipe (train/configs/*.toml) and aligned crops -> a checkpoint that `facesearch --model` takes
evaluate    LFW's protocol with plots, for any model, on LFW itself, .bin pair sets and labelled photos
export      a model as an ONNX file with its TOML file
recipes     what recipes there are

`facesearch adapt` starts train/adapt, which trains on the named people of a library.
"""

__all__: list[str] = []
