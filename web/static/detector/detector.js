// Draws what `conclave evaluate-detector` measured. The report lies beside this file, as the command
// wrote it (`--out report.json`); to bring it up to date, run what the foot of the page says and put
// the new file in its place. No part of the lab loads any of this: it is opened by a link.

const SCHEMA = 1;
const SVG = 'http://www.w3.org/2000/svg';

// What can be asked of a detector: `Class` in the core's appraisal.
const CLASSES = [
  ['provable', 'Provable', 'Liars sign what no correct node signs. Once two correct nodes have it, all are to be proven guilty.'],
  ['active', 'Active', 'Liars misbehave all the time where others can see it. They are to be held guilty.'],
  ['hidden', 'What can’t be seen', 'Correct nodes see nothing of it, or can’t tell it from a bad line. Reported, and nothing is asked.'],
  ['honest', 'Nobody lies', 'Nobody may be held guilty. A node that is down or cut off looks like a silent liar.'],
];

const element = (name, properties = {}, ...children) => {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
};

const drawn = (name, attributes) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};

// Shares lie on a line from 0 to 100 %; delays, which differ a thousandfold, on one of powers of ten.
const share = { at: (value) => value, ticks: [0, 0.5, 1], words: (value) => `${+(value * 100).toFixed(1)} %` };
const rounds = {
  at: (value) => Math.min(Math.log10(1 + value) / 4, 1),
  ticks: [0, 9, 99, 999],
  words: (value) => `${+value.toFixed(1)}`,
};

// An estimate with its interval: a whisker, a dot, and the same in words.
const estimate = (title, scale, it) => {
  const cell = element('td', {}, element('span', { className: 'of', textContent: `${title} ` }));
  if (!it) {
    cell.append(element('span', { className: 'none', textContent: '–', title: 'There are none.' }));
    return cell;
  }
  const [value, low, high] = [it.value, it.low, it.high].map((number) => `${(scale.at(number) * 100).toFixed(2)}%`);
  const picture = drawn('svg', { class: 'estimate', 'aria-hidden': 'true', focusable: 'false' });
  for (const tick of scale.ticks) {
    const x = `${scale.at(tick) * 100}%`;
    picture.append(drawn('line', { class: 'tick', x1: x, x2: x, y1: 0, y2: 20 }));
  }
  picture.append(
    drawn('line', { class: 'whisker', x1: low, x2: high, y1: 10, y2: 10 }),
    drawn('line', { class: 'whisker', x1: low, x2: low, y1: 6, y2: 14 }),
    drawn('line', { class: 'whisker', x1: high, x2: high, y1: 6, y2: 14 }),
    drawn('circle', { class: 'value', cx: value, cy: 10, r: 4.5 }),
  );
  const interval = `${scale.words(it.low)} to ${scale.words(it.high)}`;
  const words = element('span', { className: 'words' }, scale.words(it.value), ' ', element('small', { textContent: `(${interval})` }));
  cell.append(picture, words);
  return cell;
};

// The conduct, and the part by which its rows are split, if they are.
const parts = (row) => row.name.split(', ');

const body = (report, [key, title, asked], part) => {
  const shown = report.rows.filter((row) => row.class === key && (!part || parts(row)[1] === part));
  const rows = [...shown, ...report.totals.filter((row) => row.class === key)];
  const group = element('tbody', {});
  group.dataset.test = `class-${key}`;
  const heading = element('th', { colSpan: 6, scope: 'rowgroup' }, element('b', { textContent: title }), ` ${asked}`);
  group.append(element('tr', { className: 'class' }, heading));
  for (const row of rows) {
    const wronged = row.correct_convicted > 0 ? `${row.correct_held}, ${row.correct_convicted} convicted` : `${row.correct_held}`;
    const absent = row.absent > 0 ? `${row.absent_held} of ${row.absent}` : '–';
    const name = element('th', { scope: 'row' }, parts(row)[0]);
    if (row.what) name.append(element('small', { textContent: row.what }));
    group.append(element('tr', {},
      name,
      estimate('Recall', share, row.held),
      estimate('Precision', share, row.precision),
      estimate('Rounds', rounds, row.delay_rounds),
      element('td', { className: row.correct_held > 0 ? 'number wrong' : 'number' },
        element('span', { className: 'of', textContent: 'Correct nodes held ' }), wronged),
      element('td', { className: 'number' }, element('span', { className: 'of', textContent: 'Absent nodes held ' }), absent),
    ));
  }
  return shown.length > 0 ? [group] : [];
};

const table = (report, part) => element('table', { className: 'detector' },
  element('caption', { textContent: 'A node is held guilty once f+1 correct nodes have proof against it or suspect it. Dots are what was measured, whiskers the 95 % interval.' }),
  element('thead', {}, element('tr', {}, ...[
    ['Conduct', 'How the liars lie, or what honest nodes suffer'],
    ['Recall, 0 to 100 %', 'Of the liars, so many were held guilty'],
    ['Precision, 0 to 100 %', 'Of those held guilty, so many lied'],
    ['Delay in rounds, 0 to 9999', 'From the first lie until it was held guilty, in positions executed meanwhile: median; lines at 0, 9, 99, 999'],
    ['Correct nodes held', 'Falsely, in all runs'],
    ['Absent nodes held', 'Honest nodes that were down or cut off: nobody can tell them from silent liars'],
  ].map(([textContent, title]) => element('th', { scope: 'col', textContent, title })))),
  ...CLASSES.flatMap((group) => body(report, group, part)));

const goals = (report) => element('ul', { className: 'goals' }, ...report.goals.map((goal) => {
  const measured = goal.measured === null ? 'not measured' : `measured: ${+goal.measured.toFixed(4)}`;
  const item = element('li', { className: goal.met ? 'met' : 'missed' },
    element('b', { textContent: goal.met ? '✓ met' : '✗ not met' }), ` ${goal.what} (${measured})`);
  return item;
}));

// The command that made the report, from what the report says of itself.
const command = (report, split) => [
  'conclave evaluate-detector',
  `--from ${report.seeds[0]} --runs ${report.seeds[1]}`,
  `--sizes ${report.sizes.join(',')} --networks ${report.networks.join(',')}`,
  ...(split ? [`--by ${split}`] : []),
  '--out report.json',
].join(' ');

const show = (report) => {
  const choices = [...new Set(report.rows.map((row) => parts(row)[1]).filter(Boolean))];
  const split = choices.length > 0 && (report.networks.includes(choices[0]) ? 'network' : 'size');
  const shown = element('div', { className: 'scrolls' }, table(report, choices[0]));
  const main = element('main', { className: 'detector-page' },
    element('p', {}, element('a', { className: 'tool', href: '../index.html', textContent: '← The lab' })),
    element('h1', { textContent: 'What the detector finds' }),
    element('p', { textContent: 'Nodes suspect and convict each other by what they see. In simulated runs the truth is known too: here both are held side by side.' }),
    goals(report));
  if (split) {
    const select = element('select', {}, ...choices.map((choice) => element('option', { value: choice, textContent: choice })));
    select.addEventListener('change', () => shown.replaceChildren(table(report, select.value)));
    main.append(element('label', { className: 'choice-of-part' }, `By ${split}: `, select));
  }
  const ran = element('code', { textContent: command(report, split) });
  ran.dataset.test = 'command';
  main.append(shown, element('p', { className: 'made' }, 'Made by ', ran, ` with core ${report.core}: ${report.rows.reduce((sum, row) => sum + row.runs, 0)} runs. `,
    element('a', { href: 'report.json', textContent: 'The report' })));
  document.body.replaceChildren(main);
};

const failed = (why) => {
  document.getElementById('loading').textContent = `The report can’t be shown: ${why}.`;
};

try {
  const theme = localStorage.getItem('conclave-theme');
  if (theme) document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden: then it is as the system says.
}
try {
  const response = await fetch('report.json');
  const report = response.ok && await response.json();
  if (!response.ok) failed(`where this page came from says ${response.status}`);
  else if (report.schema !== SCHEMA) failed(`it has schema ${report.schema}, and this page reads ${SCHEMA}`);
  else show(report);
} catch (error) {
  console.error(error);
  failed('it did not load, or is no report');
}
