"""How the embedder is trained. Runs from a checkout, `python -m train …`; never shipped, never imported by facesearch.

align       a folder a person -> aligned crops and a manifest, through the product's own detector
fit         a recipe (train/configs/*.toml) and aligned crops -> a checkpoint that `facesearch --model` takes
evaluate    LFW's protocol with plots, for any model
export      a model as an ONNX file with its TOML file
recipes     what recipes there are
"""

__all__: list[str] = []
