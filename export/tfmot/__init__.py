"""tensorflow-model-optimization as a second engine, over a bridge to tf_keras and back."""
