"""Keras model -> the bytes of a .tflite or an .onnx file."""
