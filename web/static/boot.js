// Loads the lab. Kept apart from the page so that a strict content-security policy holds.
import init, * as conclave from './conclave_web.js';

const say = (text) => {
  const note = document.getElementById('loading');
  if (note) note.textContent = text;
};

// A panic ends the module's work for good: an error card instead of a dead page.
const stopped = (error) => {
  if (!(error instanceof WebAssembly.RuntimeError) || document.querySelector('.fatal')) return;
  const card = document.createElement('div');
  card.className = 'fatal';
  card.setAttribute('role', 'alert');
  card.textContent = 'The lab stopped: a bug, not something you did. Reload the page to go on; '
    + 'the link in the address line brings you back to this run.';
  document.body.append(card);
};
addEventListener('error', (event) => stopped(event.error));
addEventListener('unhandledrejection', (event) => stopped(event.reason));

try {
  await init();
  document.getElementById('loading')?.remove();
  // For tests and benches: the functions that the module exports.
  globalThis.conclave = conclave;
} catch (error) {
  console.error(error);
  say('The lab could not start: this browser lacks WebAssembly, or a file did not load. Reload the page to try again.');
}
