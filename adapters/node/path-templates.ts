import type { PathParameter, PathTemplate } from '../../core/adapter.js';

/** A path template, and a path that matches it. */
export interface Template extends PathTemplate {
  readonly sample: string;
}

/** The syntax of paths: that of path-to-regexp 8, or of Express 4. */
export type Dialect = 'current' | 'express 4';

const root: Template = { path: '', params: [], sample: '' };

/** An optional part doubles the templates. */
const mostTemplates = 16;

/**
 * Converts a path to templates of OpenAPI: several if a part is optional, `undefined` if OpenAPI cannot
 * express it.
 */
export function templatesOf(path: string, dialect: Dialect): readonly Template[] | undefined {
  const parts = dialect === 'current' ? currentParts(path) : express4Parts(path);
  return parts && expanded(parts);
}

/** Every combination of one template of each part. */
export function joinedTemplates(
  parts: readonly (readonly Template[] | undefined)[],
): readonly Template[] | undefined {
  let wholes: readonly Template[] = [root];
  for (const part of parts) {
    if (part === undefined) return undefined;
    wholes = wholes.flatMap(whole => part.map(each => together(whole, each)));
  }
  return wholes;
}

/** Plain text, a parameter, or an optional part. */
type Part = string | PathParameter | { readonly optional: readonly Part[] };

function expanded(parts: readonly Part[]): readonly Template[] | undefined {
  let wholes: readonly Template[] = [root];
  for (const part of parts) {
    const each = ofPart(part);
    if (each === undefined || wholes.length * each.length > mostTemplates) return undefined;
    wholes = wholes.flatMap(whole => each.map(next => together(whole, next)));
  }
  return wholes;
}

function ofPart(part: Part): readonly Template[] | undefined {
  if (typeof part === 'string') return [{ path: part, params: [], sample: part }];
  if ('optional' in part) {
    const inner = expanded(part.optional);
    return inner && [root, ...inner];
  }
  const sample = sampleOf(part.pattern);
  return sample === undefined ? undefined : [{ path: `{${part.name}}`, params: [part], sample }];
}

function together(first: Template, second: Template): Template {
  return {
    path: first.path + second.path,
    params: [...first.params, ...second.params],
    sample: first.sample + second.sample,
  };
}

/** Values for parameters, unlikely to equal a literal part of a path. */
const samples = ['callnext0sample', '70707', 'callnext', '7', 'a', '7f3c2a10-0d5e-4b7a-9c1d-2e3f4a5b6c7d'];

function sampleOf(pattern = '.+'): string | undefined {
  try {
    const whole = new RegExp(`^(?:${pattern})$`);
    return samples.find(each => whole.test(each));
  } catch {
    return undefined;
  }
}

const currentToken =
  /\\(?<escaped>[\s\S])|[:*](?:"(?<quoted>(?:\\[\s\S]|[^"\\])+)"|(?<name>[\p{ID_Start}$_][\p{ID_Continue}$]*))|(?<group>[{}])|(?<text>[^\\:*{}()[\]+?!]+)/uy;

/** The paths of Express 5 and @koa/router 14. */
function currentParts(path: string): readonly Part[] | undefined {
  const open: Part[][] = [[]];
  for (const { escaped, quoted, name, group, text } of tokensOf(path, currentToken)) {
    const innermost = open.at(-1) as Part[];
    if (text ?? escaped) innermost.push((text ?? escaped) as string);
    else if (group === '{') open.push([]);
    else if (group === '}') {
      const optional = open.pop() as Part[];
      open.at(-1)?.push({ optional });
    } else if (name ?? quoted)
      innermost.push({ name: (name ?? quoted?.replace(/\\(.)/g, '$1')) as string, pattern: undefined });
    else return undefined;
    if (open.length === 0) return undefined;
  }
  return open.length === 1 ? open[0] : undefined;
}

const express4Token =
  /(?<slash>\/)?:(?<name>\w+)(?:\((?<pattern>(?:\\.|[^\\()])+)\))?(?<mark>[?*+])?|(?<text>(?:[^/:()[\]?*+]|\/(?!:))+)/y;

/** The paths of Express 4. A mark after plain text makes a pattern, which is not a template. */
function express4Parts(path: string): readonly Part[] | undefined {
  const parts: Part[] = [];
  for (const { slash = '', name, pattern, mark, text } of tokensOf(path, express4Token)) {
    if (text !== undefined) parts.push(text);
    else if (name === undefined || mark === '*' || mark === '+') return undefined;
    else {
      const own: Part[] = [slash, { name, pattern: pattern === '*' ? '.*' : pattern }];
      parts.push(...(mark === '?' ? [{ optional: own }] : own));
    }
  }
  return parts.filter(part => part !== '');
}

/** The matches of a sticky expression; an empty object where it fails. */
function tokensOf(path: string, token: RegExp): Readonly<Record<string, string | undefined>>[] {
  const found: Record<string, string | undefined>[] = [];
  token.lastIndex = 0;
  let end = 0;
  while (end < path.length) {
    const groups = token.exec(path)?.groups;
    found.push(groups ?? {});
    if (groups === undefined) break;
    end = token.lastIndex;
  }
  return found;
}
