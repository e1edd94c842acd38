// HTML from a template literal that escapes its values.
import { endpoint, HTMLResponse, type Injected, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

const escaped = (text: string) =>
  text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);

/** A template in place of an engine: every value is escaped. */
function html(
  parts: TemplateStringsArray,
  ...values: readonly unknown[]
): string {
  return String.raw(
    { raw: parts },
    ...values.map(value => escaped(String(value))),
  );
}

const hello = endpoint({}, ({ request }: Injected) => {
  const name = request.queryParams.get('name') ?? 'world';
  return new HTMLResponse(html`<h1>Hello ${name}</h1>`);
});

export const app = express();
app.use(toExpress(new Layer()));
app.get('/hello', toExpress(hello));
