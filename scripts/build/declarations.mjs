import { readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from 'rolldown/utils';

/** Removes the declarations in a folder that no entry reaches. */
export function keepReachable(folder, entries) {
  const files = new Map();
  const open = file => {
    if (!files.has(file)) files.set(file, new DeclarationFile(file, open));
    return files.get(file);
  };
  for (const entry of entries) open(path.join(folder, entry)).keepAll();
  for (const name of readdirSync(folder, { recursive: true }).filter(each => each.endsWith('.d.ts'))) {
    const file = path.join(folder, name);
    const text = files.get(file)?.text() ?? '';
    if (text === '') rmSync(file);
    else
      writeFileSync(
        file,
        text.replace(/^(?: {4})+/gm, indent => '\t'.repeat(indent.length / 4)),
      );
  }
  removeEmpty(folder);
}

/** The statements of a declaration file; those that are needed are kept. */
class DeclarationFile {
  #file;
  #open;
  #source;
  #statements;
  #kept = new Set();

  constructor(file, open) {
    this.#file = file;
    this.#open = open;
    this.#source = readFileSync(file, 'utf8');
    this.#statements = parseSync(file, this.#source).program.body.map(node => ({
      node,
      names: declaredBy(node.declaration ?? node),
      specifiers: new Set(),
    }));
  }

  keepAll() {
    for (const statement of this.#statements) {
      const { type, source, specifiers = [] } = statement.node;
      if (type === 'ImportDeclaration') continue;
      if (type === 'ExportAllDeclaration') this.#target(source)?.keepAll();
      for (const specifier of specifiers) this.#keepSpecifier(statement, specifier);
      this.#keep(statement);
    }
  }

  /** Keeps the export, import or declaration of a name. */
  keepName(name) {
    for (const statement of this.#statements) {
      const { type, source, specifiers = [] } = statement.node;
      if (statement.names.includes(name)) this.#keep(statement);
      for (const specifier of specifiers)
        if ((specifier.exported ?? specifier.local).name === name) this.#keepSpecifier(statement, specifier);
      if (type === 'ExportAllDeclaration') {
        this.#keep(statement);
        this.#target(source)?.keepName(name);
      }
    }
  }

  #keepSpecifier(statement, specifier) {
    if (statement.specifiers.has(specifier)) return;
    statement.specifiers.add(specifier);
    this.#kept.add(statement);
    const name = specifier.imported?.name ?? specifier.local.name;
    const isWhole = specifier.type === 'ImportNamespaceSpecifier';
    const { source } = statement.node;
    if (!source) this.keepName(name);
    else if (isWhole) this.#target(source)?.keepAll();
    else this.#target(source)?.keepName(name);
  }

  /** Keeps a declaration, and every declaration it may refer to. */
  #keep(statement) {
    if (this.#kept.has(statement)) return;
    this.#kept.add(statement);
    const { start, end, specifiers = [] } = statement.node;
    if (specifiers.length > 0) return;
    const text = this.#source.slice(start, end);
    for (const [, target, name] of text.matchAll(/import\("(\.[^"]+)"\)\.(\w+)/g))
      this.#target({ value: target })?.keepName(name);
    const code = text.replace(/\/\*.*?\*\//gs, '');
    for (const [word] of code.matchAll(/[\w$]+/g)) this.keepName(word);
  }

  /** The declarations that a statement imports from; `undefined` for another package. */
  #target({ value }) {
    if (!value.startsWith('.')) return undefined;
    return this.#open(path.join(path.dirname(this.#file), value.replace(/\.js$/, '.d.ts')));
  }

  /** The kept statements, with their comments. */
  text() {
    let [text, end] = ['', 0];
    for (const statement of this.#statements) {
      if (this.#kept.has(statement))
        text += this.#source.slice(end, statement.node.start) + this.#narrowed(statement);
      end = statement.node.end;
    }
    return text && `${text.trim()}\n`;
  }

  #narrowed({ node, specifiers }) {
    const text = this.#source.slice(node.start, node.end);
    const named = (node.specifiers ?? []).filter(({ type }) => /^(Import|Export)Specifier$/.test(type));
    if (named.length === 0) return text;
    const kept = named.filter(specifier => specifiers.has(specifier));
    const list = kept.map(({ start, end }) => this.#source.slice(start, end)).join(', ');
    return text.replace(/\{[^}]*\}/, `{ ${list} }`);
  }
}

function declaredBy({ type, id, declarations = [] }) {
  if (type === 'VariableDeclaration') return declarations.map(each => each.id.name);
  return id?.name ? [id.name] : [];
}

function removeEmpty(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeEmpty(path.join(folder, entry.name));
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
