import { ServerResponse } from 'node:http';

const symbols = Object.getOwnPropertySymbols(new ServerResponse({ method: 'GET', headers: {} } as never));

/**
 * The symbol of a private field of Node's responses; `undefined` where this version of Node has no such
 * field.
 */
export function symbolOf(description: string): symbol | undefined {
  return symbols.find(symbol => symbol.description === description);
}
