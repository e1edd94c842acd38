// Writes the tables of bench/README.md from the measurements.
import {
  furtherMiddleware,
  idleGoal,
  mainLine,
  pairs,
  paramsGoal,
  streamGoal,
  weightGoals,
} from './comparisons.mjs';
import { median } from './load.mjs';

/** The goals, and for each release line of Node the measured value and whether it meets the goal. */
export function goalTable(run) {
  const lines = Object.keys(run.pairs);
  const rows = pairs.map(({ title, goals }) => [
    title,
    ...lines.map(line => ratioCell(run.pairs[line][title], goals[line])),
    goalCell(goals),
  ]);
  const each = lines.map(line =>
    verdict(run.further[line], furtherMiddleware.goal, value => `${value.toFixed(2)} µs`),
  );
  rows.push(['Express, each further middleware', ...each, `≤ ${furtherMiddleware.goal} µs`]);
  return markdown(['CPU time a request', ...lines.map(line => `Node ${line}`), 'goal'], rows);
}

function ratioCell(rounds, goal) {
  const ratios = rounds.map(({ base, ours }) => ours.cpu / base.cpu).sort((a, b) => a - b);
  const [low, high] = [ratios[ratios.length >> 2], ratios[(ratios.length * 3) >> 2]];
  return `${verdict(median(ratios), goal, twoDigits)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** The common goal, and the exceptions. */
function goalCell(goals) {
  const common = goals[mainLine];
  const others = Object.entries(goals).filter(([, goal]) => goal !== common);
  return [
    `≤ ${twoDigits(common)}`,
    ...others.map(([line, goal]) => `Node ${line}: ≤ ${twoDigits(goal)}`),
  ].join('; ');
}

export function peerTable(peers) {
  const [[, base]] = Object.entries(peers);
  const rows = Object.entries(peers).map(([name, rounds]) => [
    name,
    `${median(rounds.map(({ cpu }) => cpu)).toFixed(1)} µs`,
    twoDigits(median(rounds.map(({ cpu }, round) => cpu / base[round].cpu))),
    Math.round(median(rounds.map(({ rate }) => rate))).toLocaleString('en'),
  ]);
  return markdown(['', 'CPU time a request', 'ratio', 'requests a second'], rows);
}

export function streamTable(streams) {
  const rows = Object.entries(streams).map(([kind, rounds]) => {
    const base = streams[kind.includes('transformed') ? 'native, transformed' : 'native'];
    const ratio = median(rounds.map(({ cpu }, round) => cpu / base[round].cpu));
    const isGoal = kind === 'layer, transformed';
    return [
      kind,
      `${Math.round(median(rounds.map(({ rate }) => rate)))} MiB/s`,
      `${median(rounds.map(({ cpu }) => cpu)).toFixed(2)} s`,
      isGoal ? verdict(ratio, streamGoal, twoDigits) : twoDigits(ratio),
      `${Math.round(Math.max(...rounds.map(({ rss }) => rss)))} MiB`,
      isGoal ? `CPU ≤ ${streamGoal}` : '',
    ];
  });
  return markdown(['1 GiB', 'throughput', 'CPU time', 'ratio', 'peak memory', 'goal'], rows);
}

export function idleTable({ native, layer, endpoint, clients }) {
  const more = verdict(layer - native, idleGoal, value => `${value.toFixed(1)} KiB more`);
  return markdown(
    [`${clients.toLocaleString('en')} clients`, 'heap for each', '', 'goal'],
    [
      ['native', `${native.toFixed(1)} KiB`, '', ''],
      ['native, below a layer', `${layer.toFixed(1)} KiB`, more, `≤ ${idleGoal} KiB more`],
      ['`EventSourceResponse`, below a layer', `${endpoint.toFixed(1)} KiB`, '', ''],
    ],
  );
}

export function weightTable({ imports, minified, unpacked }) {
  const time = value => `${value.toFixed(0)} ms`;
  const { milliseconds, kibibytes, mebibytes } = weightGoals;
  const { 'callnext/express': own, ...others } = imports;
  return markdown(
    ['', '', 'goal'],
    [
      ...Object.entries(others).map(([name, value]) => [`\`import '${name}'\``, time(value), '']),
      ["`import 'callnext/express'`", verdict(own, milliseconds, time), `≤ ${milliseconds} ms`],
      [
        '`callnext` and `callnext/express`, minified and gzipped',
        verdict(minified, kibibytes, value => `${value.toFixed(0)} KiB`),
        `≤ ${kibibytes} KiB`,
      ],
      [
        `the package unpacked, ${unpacked.files} files`,
        verdict(unpacked.mebibytes, mebibytes, value => `${value.toFixed(1)} MiB`),
        `≤ ${mebibytes} MiB`,
      ],
    ],
  );
}

export function paramsTable(compared) {
  const rows = compared.map(({ title, rounds }) => {
    const [hand, own] = ['base', 'ours'].map(side => median(rounds.map(round => round[side])));
    const ratio = median(rounds.map(({ base, ours }) => ours / base));
    return [title, `${hand.toFixed(2)} µs`, `${own.toFixed(2)} µs`, verdict(ratio, paramsGoal, twoDigits)];
  });
  return markdown(['CPU time a request', 'by hand', 'declared', `ratio, goal ≤ ${paramsGoal}`], rows);
}

/** How far the second run deviated, over all ratios of `goalTable`. */
export function repeatLine(first, second) {
  const differences = Object.keys(first.pairs).flatMap(line =>
    pairs.map(({ title }) => {
      const [a, b] = [first, second].map(run =>
        median(run.pairs[line][title].map(({ base, ours }) => ours.cpu / base.cpu)),
      );
      return { what: `${title}, Node ${line}`, off: Math.abs(b / a - 1) * 100 };
    }),
  );
  const most = differences.reduce((a, b) => (b.off > a.off ? b : a));
  const middle = median(differences.map(({ off }) => off));
  const off = `${middle.toFixed(1)} % in the median and by ${most.off.toFixed(1)} % at most`;
  return `A second run, right after the first, was off by ${off}\n(${most.what}).`;
}

/** The whole README: intro, measurements and tables. */
export function readme(intro, { machine, how, run, repeat }) {
  const sections = [
    ['Goals', goalTable(run)],
    [`A timing middleware, beside others, on Node ${mainLine}`, peerTable(run.peers)],
    [`Streams through Express, on Node ${mainLine}`, streamTable(run.streams)],
    [`Idle clients of server-sent events, on Node ${mainLine}`, idleTable(run.idle)],
    [`Declared parameters, without a socket, on Node ${mainLine}`, paramsTable(run.params)],
    [`Weight, on Node ${mainLine}`, weightTable(run.weight)],
  ];
  const date = new Date().toISOString().slice(0, 10);
  const measured = `Measured on ${date}: ${machine};\n${how}.\n${repeat}`;
  return [
    intro.trim(),
    marker,
    measured,
    ...sections.map(([title, table]) => `## ${title}\n\n${table}`),
  ].join('\n\n');
}

export const marker = '<!-- measured -->';

function verdict(value, goal, print) {
  return `${print(value)} ${value <= goal ? 'met' : '**missed**'}`;
}

function twoDigits(value) {
  return value.toFixed(2);
}

function markdown(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
