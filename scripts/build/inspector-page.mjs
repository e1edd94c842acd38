// Puts the page of the inspector together: its script as one, minified, and its style, both inside the HTML.
// As a program, it prints the page; jest reads it so.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

const folder = path.join(import.meta.dirname, '../../adapters/inspector/page');

export async function inspectorPage() {
  const read = name => readFileSync(path.join(folder, name), 'utf8');
  const style = squeezed(read('style.css').replace(/\/\*.*?\*\//gs, ''))
    .replace(/\s*([{};:,>])\s+/g, '$1')
    .replace(/;}/g, '}');
  const script = await bundled('main.ts');
  if (/<\/(script|style)/i.test(script + style))
    throw new Error('The page of the inspector would end its own script or style.');
  return squeezed(read('index.html'))
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/<script [^>]*><\/script>/, () => `<script>${script}</script>`);
}

/** A plugin that gives the page as the text that `index.html` exports. */
export function pagePlugin() {
  return {
    name: 'inspector-page',
    async load(id) {
      if (id !== path.join(folder, 'index.html')) return null;
      const code = `export default ${JSON.stringify(await inspectorPage())};`;
      // Without mappings the source map leaves the page out.
      return { code, moduleType: 'js', map: { mappings: '' } };
    },
  };
}

async function bundled(entry) {
  const build = await rolldown({ input: path.join(folder, entry), transform: { target: 'es2022' } });
  const { output } = await build.generate({ format: 'iife', minify: true, comments: false });
  await build.close();
  return output[0].code.trim();
}

function squeezed(text) {
  return text.replace(/^\s+/gm, '').replace(/\n/g, '');
}

if (process.argv[1] === import.meta.filename) process.stdout.write(await inspectorPage());
