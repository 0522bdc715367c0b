"""The model server: one MLflow model over HTTP, in the model's own environment.

It imports the standard library, httptools, and what every MLflow model brings (numpy, pandas, mlflow); nothing else of
modelway. `start.py` is the program, docs/serving.md what it promises.
"""
