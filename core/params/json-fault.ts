/** Where a text is not JSON, in the words of Python's `json`. */
export interface JsonFault {
  /** In characters. */
  readonly position: number;
  readonly message: string;
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const blanks = /[ \t\n\r]*/y;
/** All but quotes, backslashes and control characters. */
const characters = /[ !#-[\]-\uffff]+/y;
const escaped = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/** Finds what `JSON.parse` has refused, whose own words and positions differ from release to release. */
export function findJsonFault(text: string): JsonFault {
  const scan = new Scan(text);
  return scan.fault() ?? { position: text.length, message: 'Expecting value' };
}

/** Walks through a text without recursion: it may be nested as deeply as it is long. */
class Scan {
  readonly #text: string;
  #at = 0;
  /** The ends of the lists and objects that are open. */
  readonly #open: ('}' | ']')[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  fault(): JsonFault | undefined {
    for (;;) {
      const fault = this.#value();
      if (fault) return fault;
      const next = this.#afterValue();
      if (next !== 'value') return next;
    }
  }

  /** A value, or the beginning of one up to the first value in it. */
  #value(): JsonFault | undefined {
    for (;;) {
      this.#skip(blanks);
      const character = this.#text[this.#at];
      if (character === '"') return this.#string();
      if (character !== '{' && character !== '[')
        return this.#skip(literal) ? undefined : this.#here('Expecting value');
      this.#at += 1;
      const end = character === '{' ? '}' : ']';
      this.#skip(blanks);
      if (this.#take(end)) return undefined;
      this.#open.push(end);
      const fault = end === '}' ? this.#key() : undefined;
      if (fault) return fault;
    }
  }

  /** What may follow a value: the next one, or ends of what is open. */
  #afterValue(): JsonFault | 'value' | undefined {
    for (;;) {
      this.#skip(blanks);
      const end = this.#open.at(-1);
      if (end === undefined) return this.#at < this.#text.length ? this.#here('Extra data') : undefined;
      if (this.#take(end)) {
        this.#open.pop();
        continue;
      }
      if (!this.#take(',')) return this.#here("Expecting ',' delimiter");
      if (end === ']') return 'value';
      this.#skip(blanks);
      return this.#key() ?? 'value';
    }
  }

  #key(): JsonFault | undefined {
    if (this.#text[this.#at] !== '"') return this.#here('Expecting property name enclosed in double quotes');
    const fault = this.#string();
    if (fault) return fault;
    this.#skip(blanks);
    return this.#take(':') ? undefined : this.#here("Expecting ':' delimiter");
  }

  #string(): JsonFault | undefined {
    const start = this.#at;
    this.#at += 1;
    while (this.#skip(characters) || this.#skip(escaped));
    if (this.#take('"')) return undefined;
    const character = this.#text[this.#at];
    if (character === undefined) return { position: start, message: 'Unterminated string starting at' };
    if (character !== '\\') return this.#here('Invalid control character at');
    const isCode = this.#text[this.#at + 1] === 'u';
    return this.#here(isCode ? 'Invalid \\uXXXX escape' : 'Invalid \\escape');
  }

  #skip(expression: RegExp): boolean {
    expression.lastIndex = this.#at;
    const [found = ''] = expression.exec(this.#text) ?? [];
    this.#at += found.length;
    return found !== '';
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #here(message: string): JsonFault {
    return { position: this.#at, message };
  }
}
