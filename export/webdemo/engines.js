// The two runtimes, each behind one function: an input array -> the output's numbers.

export async function load(contract) {
  return contract.file.endsWith('.onnx') ? onnxruntime(contract) : litert(contract);
}

async function litert({ file, input, output }) {
  const { loadLiteRt, loadAndCompile, Tensor } = await import('./litert/index.js');
  await loadLiteRt(new URL('./litert/wasm/', import.meta.url).href, { threads: false });
  const model = await loadAndCompile(file, { accelerator: 'wasm' });
  return async (values) => {
    const tensor = new Tensor(values, input.shape);
    const results = await model.run([tensor]);
    const result = Array.isArray(results) ? results[0] : results[output.name];
    const numbers = Array.from(result.toTypedArray(), Number);
    tensor.delete();
    result.delete();
    return numbers;
  };
}

async function onnxruntime({ file, input, output }) {
  const ort = await import('./onnxruntime/ort.mjs');
  ort.env.wasm.wasmPaths = new URL('./onnxruntime/', import.meta.url).href;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create(file, { executionProviders: ['wasm'] });
  return async (values) => {
    const feeds = { [input.name]: new ort.Tensor(input.dtype, values, input.shape) };
    const results = await session.run(feeds);
    return Array.from(results[output.name].data, Number);
  };
}

/** Integers back to what they stand for, then shares that sum to one. */
export function probabilities(numbers, { scale, zero_point: zero, logits }) {
  const values = scale === null ? numbers : numbers.map((n) => (n - zero) * scale);
  if (!logits) return values;
  const top = Math.max(...values);
  const raised = values.map((v) => Math.exp(v - top));
  const sum = raised.reduce((a, b) => a + b, 0);
  return raised.map((v) => v / sum);
}
