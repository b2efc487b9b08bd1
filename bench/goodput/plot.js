// What the provider admitted and refused over time, as SVG. `node goodput/plot.js` draws the last run again.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { LIMITS } from './settings.js';

/** The contenders in the picture, with the class that colours their line. */
export const PLOTTED = [
  { name: 'keelson configured', label: 'Keelson, limits configured', style: 'configured' },
  { name: 'keelson learning', label: 'Keelson, limits learned', style: 'learning' },
  { name: 'openai-node', label: 'openai-node, as it comes', style: 'plain' },
  { name: 'openai-node, 100 retries', label: 'openai-node, 100 retries', style: 'stubborn' },
];

const WIDTH = 860;
const HEIGHT = 660;
const LEFT = 78;
const RIGHT = WIDTH - 30;
const UPPER = { top: 100, bottom: 388 };
const LOWER = { top: 460, bottom: 600 };

const css = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f }
  .paper { fill: #ffffff } .title { font-size: 16px; font-weight: 600 } .note { fill: #57606a }
  .grid { stroke: #d0d7de; stroke-width: 1 } .axis { stroke: #8c959f; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
  .dot { stroke-width: 2; fill: none }
  .limit { stroke: #57606a; stroke-width: 1.6; stroke-dasharray: 7 5; fill: none }
  .configured { stroke: #0969da } .learning { stroke: #1a7f37; stroke-dasharray: 2 5; stroke-width: 4; stroke-linecap: round }
  .plain { stroke: #bc4c00 } .stubborn { stroke: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .paper { fill: #0d1117 } .note { fill: #9198a1 }
    .grid { stroke: #2a313c } .axis { stroke: #656c76 } .limit { stroke: #9198a1 }
    .configured { stroke: #58a6ff } .learning { stroke: #3fb950 } .plain { stroke: #f0883e } .stubborn { stroke: #bc8cff }
  }`;

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const number = (value) => value.toLocaleString('en-US');
const round = (value) => Math.round(value * 10) / 10;
const text = (x, y, content, attributes = '') =>
  `<text x="${round(x)}" y="${round(y)}" ${attributes}>${escape(content)}</text>`;
const rule = (x1, y1, x2, y2, style) =>
  `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${style}"/>`;

/** A line in steps; of the points within half a pixel, the last: more cannot be seen. */
function stepLine([[startX, startY], ...points], style) {
  const pixel = ([x]) => Math.floor(x * 2);
  const shown = points.filter((point, i) => i === points.length - 1 || pixel(point) !== pixel(points[i + 1]));
  const steps = shown.map(([x, y]) => `H${round(x)}V${round(y)}`).join('');
  return `<path class="line ${style}" d="M${round(startX)},${round(startY)}${steps}"/>`;
}

/** The running total of `amounts` over time: `[[seconds, total], …]`. */
function cumulative(events, amountOf) {
  let total = 0;
  return [...events]
    .sort((a, b) => timeOf(a) - timeOf(b))
    .map((each) => [timeOf(each), (total += amountOf(each))]);
}

const timeOf = (event) => (Array.isArray(event) ? event[0] : event);

/** A step towards about `count` ticks: 1, 2 or 5 times a power of ten. */
function stepFor(range, count) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

function ticks(max, count) {
  const step = stepFor(max, count);
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

/** Whether `results` have all that is in the picture. */
export const canDraw = (results) =>
  PLOTTED.every(({ name }) => results.some(({ contender }) => contender === name));

/** The picture, from the results of a run. */
export function drawPlot(results) {
  const lines = PLOTTED.map((plotted) => ({
    ...plotted,
    ...results.find(({ contender }) => contender === plotted.name),
  }));
  const seconds = Math.max(...lines.map((line) => line.seconds)) * 1.02;
  const x = (second) => LEFT + (second / seconds) * (RIGHT - LEFT);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
    '<title id="title">What a provider with limits admitted and refused over time, with Keelson and with openai-node</title>',
    `<style>${css}</style>`,
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    ...legend(lines),
    ...admissions(lines, seconds, x),
    ...refusals(lines, x),
    ...timeAxis(seconds, x),
    '</svg>',
    '',
  ].join('\n');
}

function legend(lines) {
  const entries = [...lines.map(({ label, style }) => [label, `line ${style}`]), ['The limit', 'limit']];
  return entries.flatMap(([label, style], i) => {
    const x = LEFT + (i % 3) * 240;
    const y = 50 + Math.floor(i / 3) * 22;
    return [rule(x, y, x + 26, y, style), text(x + 34, y + 4, label)];
  });
}

function admissions(lines, seconds, x) {
  const { tokenBurst, tokensPerMinute } = LIMITS;
  const rate = tokensPerMinute / 60;
  const totals = lines.map(({ admitted, style, ...rest }) => ({
    ...rest,
    style,
    points: cumulative(admitted, ([, , tokens]) => tokens),
  }));
  const max = Math.max(...totals.map(({ points }) => points.at(-1)[1])) * 1.1;
  const y = (tokens) => UPPER.bottom - (tokens / max) * (UPPER.bottom - UPPER.top);
  const limitEnds = Math.min(seconds, (max - tokenBurst) / rate);
  return [
    text(LEFT, 26, 'Tokens admitted by the provider, thousands', 'class="title"'),
    ...ticks(max, 6).flatMap((tick) => [
      rule(LEFT, y(tick), RIGHT, y(tick), tick === 0 ? 'axis' : 'grid'),
      text(LEFT - 10, y(tick) + 4, number(tick / 1000), 'text-anchor="end"'),
    ]),
    rule(x(0), y(tokenBurst), x(limitEnds), y(tokenBurst + limitEnds * rate), 'limit'),
    ...totals.map(({ points, style }) =>
      stepLine(
        [[0, 0], ...points].map(([second, tokens]) => [x(second), y(tokens)]),
        style,
      ),
    ),
    ...totals.filter(({ lost }) => lost > 0).flatMap((line) => lossMark(line, x, y)),
  ];
}

/** Where a contender has ended before all calls were answered. */
function lossMark({ points, lost, answered, style }, x, y) {
  const [second, tokens] = points.at(-1);
  const note = `ends here, ${number(lost)} of ${number(lost + answered)} calls lost`;
  const isLate = x(second) > WIDTH * 0.65;
  return [
    `<circle class="dot ${style}" cx="${round(x(second))}" cy="${round(y(tokens))}" r="5"/>`,
    text(
      x(second) + (isLate ? -2 : 10),
      y(tokens) + (isLate ? 90 : 26),
      note,
      `class="note" text-anchor="${isLate ? 'end' : 'start'}"`,
    ),
  ];
}

/** Refusals on a scale of powers of ten, with 0 at its foot. */
function refusals(lines, x) {
  const decades = Math.ceil(Math.log10(Math.max(10, ...lines.map(({ refused }) => refused.length)) * 1.2));
  const height = LOWER.bottom - LOWER.top;
  const y = (count) => LOWER.bottom - (count < 1 ? 0 : (height * (1 + Math.log10(count))) / (decades + 1));
  const marks = [0, ...Array.from({ length: decades + 1 }, (_, i) => 10 ** i)];
  return [
    text(LEFT, LOWER.top - 16, 'Calls refused with 429 until then (scale of powers of ten)', 'class="title"'),
    ...marks.flatMap((mark) => [
      rule(LEFT, y(mark), RIGHT, y(mark), mark === 0 ? 'axis' : 'grid'),
      text(LEFT - 10, y(mark) + 4, number(mark), 'text-anchor="end"'),
    ]),
    ...lines.map(({ refused, seconds, style }) => {
      const points = [
        [0, 0],
        [refused[0] ?? seconds, 0],
        ...cumulative(refused, () => 1),
        [seconds, refused.length],
      ];
      return stepLine(
        points.map(([second, count]) => [x(second), y(count)]),
        style,
      );
    }),
    ...refusalNotes(lines, x, y),
  ];
}

/** How many it came to; the two of Keelson lie upon each other and have one note. */
function refusalNotes([configured, learning, plain, stubborn], x, y) {
  const note = (at, count, dy, content = number(count)) =>
    text(x(at), y(count) + dy, content, 'class="note" text-anchor="end"');
  const ours = [configured, learning].map(({ refused }) => refused.length);
  return [
    note(configured.seconds, Math.max(...ours), -8, `Keelson: ${ours[0]} configured, ${ours[1]} learned`),
    note(plain.seconds, plain.refused.length, 17),
    note(stubborn.seconds, stubborn.refused.length, -6),
  ];
}

function timeAxis(seconds, x) {
  return [
    ...[UPPER, LOWER].flatMap(({ bottom }) =>
      ticks(seconds, 8).flatMap((tick) => [
        rule(x(tick), bottom, x(tick), bottom + 5, 'axis'),
        text(x(tick), bottom + 19, String(tick), 'text-anchor="middle"'),
      ]),
    ),
    text((LEFT + RIGHT) / 2, HEIGHT - 20, 'seconds since the start', 'text-anchor="middle"'),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const results = JSON.parse(await readFile(new URL('./samples/reserved.json', import.meta.url), 'utf8'));
  if (!canDraw(results))
    throw new Error(`The last run was without some of: ${PLOTTED.map(({ name }) => name).join('; ')}.`);
  await writeFile(new URL('../../docs/rate-limits.svg', import.meta.url), drawPlot(results));
}
