// Loads the lab, or the page whose module its own address names (`boot.js?conclave_guards`). Kept
// apart from the page so that a strict content-security policy holds.
const name = new URL(import.meta.url).search.slice(1) || 'conclave_web';

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
  card.textContent = 'This page stopped: a bug, not something you did. Reload it to go on; '
    + 'the link in the address line brings you back to where you were.';
  document.body.append(card);
};
addEventListener('error', (event) => stopped(event.error));
addEventListener('unhandledrejection', (event) => stopped(event.reason));

try {
  const conclave = await import(`./${name}.js`);
  await conclave.default();
  document.getElementById('loading')?.remove();
  // For tests and benches: the functions that the module exports.
  globalThis.conclave = conclave;
} catch (error) {
  console.error(error);
  say('This page could not start: this browser lacks WebAssembly, or a file did not load. Reload the page to try again.');
}
