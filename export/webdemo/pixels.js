// Pictures as the model's training saw them: upright, resized by the contract's rule, in its channels.

const LUMA = [0.2989, 0.587, 0.114]; // of TensorFlow's rgb_to_grayscale

/** RGBA bytes of a picture, upright, at its own size. */
export function rgba(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** (height, width, 3) floats: bilinear between half-pixel centers, the aspect is not kept. */
function stretched({ data, width, height }, rows, columns) {
  const out = new Float32Array(rows * columns * 3);
  const places = (count, size) => Array.from({ length: count }, (_, i) => {
    const at = (i + 0.5) * (size / count) - 0.5;
    const low = Math.floor(at);
    return [Math.max(low, 0), Math.min(low + 1, size - 1), at - low];
  });
  const across = places(columns, width);
  places(rows, height).forEach(([top, bottom, down], y) => {
    across.forEach(([left, right, along], x) => {
      for (let c = 0; c < 3; c++) {
        const at = (row, column) => data[4 * (row * width + column) + c];
        const above = at(top, left) + (at(top, right) - at(top, left)) * along;
        const below = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * along;
        out[3 * (y * columns + x) + c] = above + (below - above) * down;
      }
    });
  });
  return out;
}

/** (height, width, 3) floats: the picture in the middle, cropped or between zeros, not scaled. */
function padded({ data, width, height }, rows, columns) {
  const out = new Float32Array(rows * columns * 3);
  const offset = (size, wanted) => (size > wanted
    ? [Math.floor((size - wanted) / 2), 0] : [0, Math.floor((wanted - size) / 2)]);
  const [fromY, toY] = offset(height, rows);
  const [fromX, toX] = offset(width, columns);
  for (let y = 0; y < Math.min(rows, height); y++) {
    for (let x = 0; x < Math.min(columns, width); x++) {
      for (let c = 0; c < 3; c++) {
        out[3 * ((y + toY) * columns + x + toX) + c] = data[4 * ((y + fromY) * width + x + fromX) + c];
      }
    }
  }
  return out;
}

/** (height, width, 3) floats: the middle of the picture, scaled to a shorter side. */
function middle(image, rows, columns, side) {
  const factor = side / Math.min(image.height, image.width);
  const [high, wide] = [image.height, image.width].map((n) => roundHalfToEven(n * factor));
  const scaled = stretched(image, high, wide);
  const [fromY, fromX] = [Math.floor((high - rows) / 2), Math.floor((wide - columns) / 2)];
  const out = new Float32Array(rows * columns * 3);
  for (let y = 0; y < rows; y++) {
    const start = 3 * ((y + fromY) * wide + fromX);
    out.set(scaled.subarray(start, start + 3 * columns), 3 * y * columns);
  }
  return out;
}

/** What the model takes, one array: bytes, or floats of the same values. */
export function inputOf(image, contract) {
  const { height, width, grey, pad, short_side: side, dtype } = contract.input;
  const colored = side ? middle(grey ? greyed(image) : image, height, width, side)
    : (pad ? padded : stretched)(image, height, width);
  const count = height * width;
  const values = grey ? new Float32Array(count) : colored;
  if (grey) {
    for (let i = 0; i < count; i++) values[i] = level(...colored.subarray(3 * i, 3 * i + 3));
  }
  const rounded = values.map((v) => Math.min(255, Math.max(0, roundHalfToEven(v))));
  return dtype === 'uint8' ? Uint8Array.from(rounded) : rounded;
}

/** A grey picture has one channel, which is taken as it is. */
function level(r, g, b) {
  return r === g && g === b ? r : r * LUMA[0] + g * LUMA[1] + b * LUMA[2];
}

/** The picture with its grey levels, rounded, in the place of its colours. */
function greyed({ data, width, height }) {
  const out = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 4) {
    out.fill(roundHalfToEven(level(data[i], data[i + 1], data[i + 2])), i, i + 3);
  }
  return { data: out, width, height };
}

function roundHalfToEven(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}
