import { parseSync } from 'rolldown/utils';

/** Returns the prose lines of a Markdown file: without code blocks, tables, badges and addresses. */
export function markdownLines(text) {
  let fence;
  return text.split('\n').flatMap((line, index) => {
    const [, mark] = /^\s*(?:[-*>] )?\s*(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence !== undefined || mark !== undefined) {
      if (mark === undefined || fence === undefined) fence ??= mark;
      else if (mark.startsWith(fence)) fence = undefined;
      return [];
    }
    if (/^\s*(\||\[!\[|<!--|\[[^\]]+\]: )/.test(line)) return [];
    const width = line.replace(/https?:\/\/[^\s)>]+/g, '').length;
    return [{ number: index + 1, width, text: line.replace(/`[^`]*`|\]\([^)]*\)/g, ' ') }];
  });
}

/** Returns the lines of a source with a comment or prose in a string. */
export function codeLines(name, text) {
  const { program, comments } = parseSync(name, text);
  const spans = [...comments, ...stringsIn(program).filter(({ value }) => isProse(value))];
  const lines = text.split('\n');
  const starts = startsOf(lines);
  const found = new Map();
  for (const { start, end } of spans)
    for (let index = lineAt(starts, start); index < lines.length && starts[index] < end; index++) {
      const prose = lines[index].slice(Math.max(0, start - starts[index]), end - starts[index]);
      const before = found.get(index)?.text ?? '';
      const width = lines[index].replace(/https?:\/\/[^\s)>'"`]+/g, '').length;
      found.set(index, { number: index + 1, width, text: `${before} ${prose.replace(/`[^`\n]*`/g, ' ')}` });
    }
  return [...found.values()];
}

/** Rows of events, HTTP bytes and programs in strings are data. */
function isProse(text) {
  return /\S+(\s+\S+){2}/.test(text) && !/ → |\r\n|\\r\\n|=> |;\n|; }/.test(text);
}

function stringsIn(program) {
  const found = [];
  const visit = node => {
    if (node === null || typeof node !== 'object') return;
    if (node.type === 'Literal' && typeof node.value === 'string') found.push(node);
    if (node.type === 'TemplateElement') found.push({ ...node, value: node.value.raw });
    for (const child of Object.values(node)) visit(child);
  };
  visit(program);
  return found;
}

function startsOf(lines) {
  let start = 0;
  return lines.map(line => {
    const here = start;
    start += line.length + 1;
    return here;
  });
}

function lineAt(starts, position) {
  let index = starts.length - 1;
  while (starts[index] > position) index--;
  return index;
}
