import { checkOption, checkOptions } from '../../options.js';
import { isJson } from './html.js';
import type { DocsPageOptions } from './page.js';

interface Rule {
  readonly expected: string;
  isRight(value: unknown): boolean;
}

/** The rules of an options interface, kept complete by the compiler. */
export type Rules<Options> = Readonly<Record<keyof Options, Rule>>;

export const url: Rule = { expected: 'a URL, absolute or relative', isRight: isUrl };
export const data: Rule = {
  expected: 'an object of JSON data',
  isRight: value => typeof value === 'object' && value !== null && !Array.isArray(value) && isJson(value),
};
export const flag: Rule = { expected: 'true or false', isRight: value => typeof value === 'boolean' };
const text: Rule = { expected: 'a non-empty string', isRight: isText };

export const sharedRules: Rules<DocsPageOptions> = { openapiUrl: url, title: text, assets: text };

/** Throws `OPTIONS`, `OPTION_VALUE` and `UNKNOWN_OPTION`. */
export function checkPage<Options extends object>(
  where: string,
  options: Options,
  rules: Rules<Options>,
): void {
  checkOptions(where, options, rules);
  for (const [option, { expected, isRight }] of Object.entries<Rule>(rules))
    checkOption(where, option, Reflect.get(options, option), expected, isRight);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isUrl(value: unknown): boolean {
  return isText(value) && URL.canParse(value as string, 'https://page.invalid');
}
