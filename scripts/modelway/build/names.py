"""Where things lie in an image, and the names by which they are found again."""

from __future__ import annotations

HOME = "opt/modelway"
ENVIRONMENT, SERVER, MODEL = f"{HOME}/environment", f"{HOME}/server", f"{HOME}/model"
CONDA = f"{HOME}/conda"
"""Of the environment layer: packages of conda's channels, where the model was trained beside some."""
RELEASE_FILE = f"{HOME}/release.json"
SKETCH_FILE = f"{HOME}/training-sketch.json"
FEATURES_FILE = f"{HOME}/features.json"
START = f"{SERVER}/modelway/serving/start.py"
PORT = 8080
LAYER_NAME = "io.modelway.layer"
"""The annotation of a layer in the manifest: what it holds."""
PYTHON_LABEL = "io.modelway.python"
"""The image's label that says which minor version of Python its wheels are for."""
BYTECODE_LABEL = "io.modelway.bytecode"
"""The image's label that says which version of Python made its bytecode; not there: it has none."""
