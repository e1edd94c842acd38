import { readFileSync, writeFileSync } from 'node:fs';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { parseSync } from 'rolldown/utils';

/** Halves a source map: it leads to lines, and carries its sources without their comments, line for line. */
export function slim(file) {
  const { mappings, sources, sourcesContent, ...map } = JSON.parse(readFileSync(file, 'utf8'));
  const slimmed = {
    ...map,
    names: [],
    sources,
    sourcesContent: sources.map((source, index) => withoutComments(source, sourcesContent[index])),
    mappings: encode(decode(mappings).map(toLines)),
  };
  writeFileSync(file, JSON.stringify(slimmed));
}

/** The segments of a line of code that lead to another line of the sources than the one before. */
function toLines(segments) {
  const kept = [];
  for (const [column, source, line, sourceColumn] of segments) {
    const last = kept.at(-1);
    if (source === undefined || (last?.[1] === source && last[2] === line)) continue;
    kept.push([column, source, line, sourceColumn]);
  }
  return kept;
}

function withoutComments(name, text) {
  let [code, end] = ['', 0];
  for (const comment of parseSync(name, text).comments) {
    code += text.slice(end, comment.start) + text.slice(comment.start, comment.end).replace(/[^\n]/g, '');
    end = comment.end;
  }
  return (code + text.slice(end)).replace(/[ \t]+$/gm, '');
}
