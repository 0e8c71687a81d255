"""One file per trainable system; the file name is the model's name. See docs/adding-a-model.md."""
