/** A page as one text, with its style and script; `scripts/build/inspector-page.mjs` puts it together. */
declare module '*.html' {
  const text: string;
  export default text;
}
