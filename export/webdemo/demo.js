import { load, probabilities } from './engines.js';
import { inputOf, rgba } from './pixels.js';

const SHOWN = 5;
const find = (id) => document.getElementById(id);
const contract = await (await fetch('contract.json')).json();
const video = find('video');
let run = null;

/** A picture, upright -> the probabilities of all classes and the milliseconds of the inference. */
export async function classify(bitmap) {
  run ??= await load(contract);
  const input = inputOf(rgba(bitmap), contract);
  const began = performance.now();
  const numbers = await run(input);
  const milliseconds = performance.now() - began;
  return { probabilities: probabilities(numbers, contract.output), milliseconds };
}

function show({ probabilities: shares, milliseconds }) {
  const { labels } = contract.output;
  const best = shares.map((share, i) => [share, labels[i]]).sort((a, b) => b[0] - a[0]);
  find('answers').replaceChildren(...best.slice(0, SHOWN).map(([share, label]) => {
    const row = document.createElement('li');
    const bar = document.createElement('span');
    bar.className = 'bar';
    bar.style.width = `${Math.max(share * 100, 0.5)}%`;
    const name = document.createElement('span');
    name.textContent = label;
    const percent = document.createElement('span');
    percent.className = 'share';
    percent.textContent = `${(share * 100).toFixed(1)} %`;
    row.append(bar, name, percent);
    return row;
  }));
  say(`${milliseconds.toFixed(2)} ms in this browser`);
}

const say = (text) => { find('status').textContent = text; };

async function take(blob) {
  try {
    say('reading …');
    const bitmap = await createImageBitmap(blob, { imageOrientation: 'from-image' });
    stop();
    const canvas = find('picture');
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.hidden = false;
    canvas.getContext('2d').drawImage(bitmap, 0, 0);
    find('hint').hidden = true;
    show(await classify(bitmap));
  } catch (error) {
    say(blob?.type?.startsWith('image/') || !blob?.type
      ? `This picture could not be read: ${error.message}` : `${blob.type} is no picture.`);
  }
}

function stop() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  video.hidden = true;
  find('camera').textContent = 'Camera';
}

async function camera() {
  if (video.srcObject) {
    stop();
    return;
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  } catch (error) {
    say(`There is no camera that this page may use: ${error.message}`);
    return;
  }
  video.hidden = false;
  find('picture').hidden = true;
  find('hint').hidden = true;
  find('camera').textContent = 'Stop';
  await video.play();
  while (video.srcObject) {
    show(await classify(await createImageBitmap(video)));
    await new Promise((next) => { requestAnimationFrame(next); });
  }
}

const area = find('drop');
find('file').addEventListener('change', (event) => event.target.files[0] && take(event.target.files[0]));
find('camera').addEventListener('click', camera);
area.addEventListener('dragover', (event) => event.preventDefault());
area.addEventListener('drop', (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});
document.addEventListener('paste', (event) => {
  const [file] = event.clipboardData.files;
  if (file) take(file);
});

find('title').textContent = contract.model;
document.title = contract.model;
const accuracy = contract.accuracy === null ? '' : `, ${(contract.accuracy * 100).toFixed(2)} % of its test images right`;
find('facts').textContent = `${contract.name}, ${contract.bytes.toLocaleString()} bytes, recipe ${contract.recipe}${accuracy}. `
  + 'Pictures stay in this browser.';
find('sha').textContent = `sha256 ${contract.sha256}`;
export { take };
