// npm run budgets [-- --list]: measures what the code costs, prints it next to the plan of issue 19, and
// fails if it exceeds a limit of scripts/budgets/table.mjs. `--list` prints everything that was counted.
import { rmSync } from 'node:fs';
import { compile, compiled } from './budgets/instrument.mjs';
import { classesOf, longFiles, readSources } from './budgets/sources.mjs';
import { budgets, countedAt, stateObjects } from './budgets/table.mjs';

const sources = readSources();
const { express, koa } = await walk();
const long = longFiles(sources, 250);
const classes = classesOf(sources);
const states = stateObjects.map(stateOf);

if (process.argv.includes('--list')) list();
else print();

async function walk() {
  try {
    compile(sources);
    const { walkExpress, walkKoa } = await import('./budgets/walks.mjs');
    return { express: await walkExpress(), koa: await walkKoa() };
  } finally {
    rmSync(compiled, { recursive: true, force: true });
  }
}

function stateOf(name) {
  const found = classes.find(each => each.name === name);
  if (!found)
    throw new Error(`There is no class \`${name}\`. Update \`stateObjects\` in scripts/budgets/table.mjs.`);
  return found;
}

function print() {
  const today = {
    longFiles: long.length,
    largestClass: classes[0].members,
    stateFlags: states.flatMap(({ flags }) => flags).length,
    expressSteps: express.steps.length,
    expressFiles: express.files.length,
    expressPromises: express.promises.length,
    expressObjects: express.objects.length,
    koaSteps: koa.steps.length,
    koaFiles: koa.files.length,
  };
  const rows = Object.entries(budgets).map(([key, budget]) => rowOf(budget, today[key]));
  console.log(table(['', countedAt, 'today', 'goal', ''], rows));
}

function rowOf({ title, before, goal, ceiling = goal }, value) {
  const isPassed = value > Math.max(goal, ceiling);
  if (isPassed) process.exitCode = 1;
  const verdict = isPassed ? `FAILED: the limit is ${ceiling}` : value > goal ? 'missed' : 'met';
  return [title, before, value, `≤ ${goal}`, verdict];
}

function table(head, rows) {
  const all = [head, ...rows].map(row => row.map(String));
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column].length)));
  return all
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function list() {
  show(
    'Files over 250 lines',
    long.map(({ name, lines }) => `${lines} ${name}`),
  );
  show(
    'Largest classes',
    classes.slice(0, 10).map(({ name, members, file }) => `${members} ${name} ${file}`),
  );
  show(
    'Boolean fields',
    states.map(({ name, flags }) => `${name}: ${flags.join(', ')}`),
  );
  for (const [host, walk] of Object.entries({ Express: express, Koa: koa }))
    for (const [kind, counted] of Object.entries(walk)) show(`${host}: ${kind}`, counted);
}

function show(title, lines) {
  console.log(`\n${title} (${lines.length})\n\n${lines.join('\n')}`);
}
