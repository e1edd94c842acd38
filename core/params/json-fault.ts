/** The first syntax error of a JSON text, in the words of Python's `json`. */
export interface JsonFault {
  /** In UTF-16 code units. */
  readonly position: number;
  readonly message: string;
}

const literal = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const blanks = /[ \t\n\r]*/y;
/** Everything but quotes, backslashes and control characters. */
const characters = /[ !#-[\]-\uffff]+/y;
const escaped = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/** Finds the syntax error itself: the messages and positions of `JSON.parse` differ between releases. */
export function findJsonFault(text: string): JsonFault {
  const scan = new Scan(text);
  return scan.fault() ?? { position: text.length, message: 'Expecting value' };
}

/** Scans without recursion, because a text may be nested as deeply as it is long. */
class Scan {
  readonly #text: string;
  #at = 0;
  /** The closing characters of the open lists and objects. */
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

  /** Reads a value, or the start of a list or object up to the first scalar in it. */
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

  /** Reads closing characters, commas and keys up to the next value. */
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
