// npm run docs:order: draws docs/reference/order.svg from the first row of test/model/order-rows.ts. With `-`
// it prints the picture instead.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { transformSync } from '@swc/core';

const root = path.join(import.meta.dirname, '..');
const source = readFileSync(path.join(root, 'test/model/order-rows.ts'), 'utf8');
const { code } = transformSync(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
const { orderTables } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
const { events } = orderTables[0].rows[0];

/** The lanes, outermost first. Each spans from the first to the last event that starts with its name. */
const lanes = [
  ['outer', 'middleware', 'outermost'],
  ['inner', 'middleware', 'innermost'],
  ['background', 'dependency', 'scope "background"'],
  ['request', 'dependency', 'scope "request", the default'],
  ['function', 'dependency', 'scope "function"'],
  ['endpoint', 'endpoint', 'or a native handler'],
  ['task', 'background task', ''],
  ['always', 'background task', "{ when: 'always' }"],
];
const [left, top, column, row, bar] = [200, 64, 46, 44, 30];
const width = left + events.length * column + 20;
const height = top + lanes.length * row + 44;
const middle = index => left + index * column + column / 2;

const styles = `
    svg { color-scheme: light dark }
    .page { fill: #ffffff } .text, .end { fill: #1f2328 }
    .soft { fill: #59636e } .line { stroke: #d1d9e0 }
    .middleware { fill: #b6d7ff } .dependency { fill: #b4e8c4 }
    .endpoint { fill: #ffd8a8 } .background { fill: #e3d0ff }
    .sent { stroke: #cf222e } .sent-text { fill: #cf222e }
    text { font: 15px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
    .soft, .end { font-size: 12.5px } .sent-text { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 } .text, .end { fill: #f0f6fc }
      .soft { fill: #9198a1 } .line { stroke: #3d444d }
      .middleware { fill: #1f4b85 } .dependency { fill: #1d5b34 }
      .endpoint { fill: #7a4a12 } .background { fill: #513a82 }
      .sent { stroke: #ff7b72 } .sent-text { fill: #ff7b72 }
    }`;

const escaped = text => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const text = (kind, x, y, content, anchor = 'start') =>
  `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`;

/** The text of an event, without the lane's name and the status. */
const ending = (event, name) => event.slice(name.length).replace(/ \d+$/, '').trim();

function lane([name, kind, detail], index) {
  const own = events.flatMap((event, at) => (event.split(' ')[0] === name ? [[event, at]] : []));
  const [[first, from], [last, to]] = [own[0], own.at(-1)];
  const y = top + index * row;
  const [begin, end] = [left + from * column + 3, left + (to + 1) * column - 3];
  const baseline = y + bar / 2 + 4;
  return [
    text('text', 16, y + (detail ? 12 : 20), kind),
    detail && text('soft', 16, y + 28, detail),
    `<rect class="${kind.split(' ')[0]}" x="${begin}" y="${y}" width="${end - begin}" height="${bar}" rx="5"/>`,
    from === to && text('end', middle(from), baseline, 'runs', 'middle'),
    from < to && text('end', begin + 7, baseline, ending(first, name)),
    from < to && text('end', end - 7, baseline, ending(last, name), 'end'),
  ].filter(Boolean);
}

const sent = middle(events.indexOf('sent'));
const line = (kind, x1, x2, y1, y2, more = '') =>
  `<line class="${kind}" x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}"${more}/>`;
const bottom = top + lanes.length * row;
const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
const picture = [
  `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-labelledby="title">`,
  `<title id="title">The order of a request: ${escaped(events.join(', '))}</title>`,
  `<style>${styles}\n  </style>`,
  `<rect class="page" width="${width}" height="${height}" rx="8"/>`,
  ...events.map((_event, at) => text('soft', middle(at), 24, String(at + 1), 'middle')),
  line('line', 16, width - 16, 36, 36),
  text('soft', 16, 24, 'time →'),
  line('sent', sent, sent, 42, bottom + 4, ' stroke-width="2" stroke-dasharray="5 4"'),
  ...lanes.flatMap(lane),
  text('sent-text', sent, bottom + 24, 'the response is sent', 'middle'),
  '</svg>',
];
const drawn = `${picture.join('\n  ').replace(/ {2}<\/svg>$/, '</svg>')}\n`;
if (process.argv[2] === '-') process.stdout.write(drawn);
else writeFileSync(path.join(root, 'docs/reference/order.svg'), drawn);
