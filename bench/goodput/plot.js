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

/** At most one point for each half pixel: more cannot be seen. */
function polyline(points, style) {
  const shown = points.filter(
    ([x], i) => i === 0 || i === points.length - 1 || Math.floor(x * 2) !== Math.floor(points[i - 1][0] * 2),
  );
  return `<polyline class="line ${style}" points="${shown.map(([x, y]) => `${round(x)},${round(y)}`).join(' ')}"/>`;
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
      polyline(
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
  const isRight = x(second) > WIDTH / 2;
  return [
    `<circle class="dot ${style}" cx="${round(x(second))}" cy="${round(y(tokens))}" r="5"/>`,
    text(
      x(second) + (isRight ? -2 : 10),
      y(tokens) + (isRight ? 110 : 24),
      note,
      `class="note" text-anchor="${isRight ? 'end' : 'start'}"`,
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
      const points = [[0, 0], ...cumulative(refused, () => 1), [seconds, refused.length]];
      return polyline(
        points.map(([second, count]) => [x(second), y(count)]),
        style,
      );
    }),
    ...lines.map(({ refused, seconds }, i) => {
      // Below the line where another one may lie upon it, above it otherwise.
      const isBelow = i % 2 === 1 ? x(seconds) < WIDTH / 2 || refused.length < 1000 : x(seconds) < WIDTH / 2;
      const dy = isBelow && refused.length > 0 ? 17 : -6;
      return text(
        x(seconds),
        y(refused.length) + dy,
        number(refused.length),
        'class="note" text-anchor="end"',
      );
    }),
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
  const results = await readFile(new URL('./samples/reserved.json', import.meta.url), 'utf8');
  await writeFile(new URL('../../docs/rate-limits.svg', import.meta.url), drawPlot(JSON.parse(results)));
}
