// Runs the file that /job.json names on the inputs beside it and posts what came of it.

const ARRAYS = {
  float32: Float32Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array,
  int64: BigInt64Array, int16: Int16Array,
};

async function litert(job, arrays) {
  const { loadLiteRt, loadAndCompile, Tensor } = await import('/litert/index.js');
  await loadLiteRt('/litert/wasm/', { threads: job.threads > 1 });
  const began = performance.now();
  const cpuOptions = job.threads > 1 ? { cpuOptions: { numThreads: job.threads } } : {};
  const model = await loadAndCompile('/model', { accelerator: 'wasm', ...cpuOptions });
  const loading = performance.now() - began;
  const names = job.outputs;
  const run = async (sample) => {
    const tensors = sample.map((data, i) => new Tensor(data, job.inputs[i].shape));
    const results = await model.run(tensors);
    const list = Array.isArray(results) ? results : names.map((name) => results[name]);
    const values = list.map((tensor) => tensor.toTypedArray().slice());
    [...tensors, ...list].forEach((tensor) => tensor.delete());
    return values;
  };
  return { loading, run };
}

async function onnxruntime(job, arrays) {
  const ort = await import('/onnxruntime/ort.mjs');
  ort.env.wasm.wasmPaths = '/onnxruntime/';
  ort.env.wasm.numThreads = job.threads;
  ort.env.logLevel = 'error';
  const began = performance.now();
  const session = await ort.InferenceSession.create('/model', { executionProviders: ['wasm'] });
  const loading = performance.now() - began;
  const run = async (sample) => {
    const feeds = {};
    sample.forEach((data, i) => {
      const end = job.inputs[i];
      feeds[end.name] = new ort.Tensor(end.dtype, data, end.shape);
    });
    const results = await session.run(feeds);
    return session.outputNames.map((name) => results[name].data.slice());
  };
  return { loading, run };
}

async function main() {
  const job = await (await fetch('/job.json')).json();
  const bytes = await (await fetch('/inputs')).arrayBuffer();
  const samples = [];
  let place = 0;
  for (let i = 0; i < job.samples; i++) {
    samples.push(job.inputs.map((end) => {
      const count = end.shape.reduce((a, b) => a * b, 1);
      const Array = ARRAYS[end.dtype];
      if (!Array) throw new Error(`inputs of ${end.dtype} are not known to the page`);
      const data = new Array(bytes.slice(place, place + count * Array.BYTES_PER_ELEMENT));
      place += count * Array.BYTES_PER_ELEMENT;
      return data;
    }));
  }
  const { loading, run } = await (job.engine === 'litert' ? litert : onnxruntime)(job);
  const began = performance.now();
  const outputs = [];
  let first = null;
  for (const sample of samples) {
    outputs.push((await run(sample)).map((values) => Array.from(values, Number)));
    first ??= performance.now() - began;
  }
  for (let i = 0; i < job.warmup; i++) await run(samples[0]);
  const times = [];
  for (let i = 0; i < job.runs; i++) {
    const start = performance.now();
    await run(samples[0]);
    times.push(performance.now() - start);
  }
  return {
    loading, first, times, outputs,
    isolated: self.crossOriginIsolated, browser: navigator.userAgent,
  };
}

const post = (answer) => fetch('/answer', { method: 'POST', body: JSON.stringify(answer) });
main().then(post, (error) => post({ error: String(error?.message ?? error) }));
