// Loads the lab. Kept apart from the page so that a strict content-security policy holds.
import init, * as conclave from './conclave_web.js';

const say = (text) => {
  const note = document.getElementById('loading');
  if (note) note.textContent = text;
};

try {
  await init();
  document.getElementById('loading')?.remove();
  // For tests and benches: the functions that the module exports.
  globalThis.conclave = conclave;
} catch (error) {
  console.error(error);
  say('The lab could not start: this browser lacks WebAssembly, or a file did not load. Reload the page to try again.');
}
