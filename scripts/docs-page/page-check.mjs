import assert from 'node:assert/strict';
import path from 'node:path';

/** A page in a browser whose network ends at 127.0.0.1. Collects what the browser refuses. */
export class PageCheck {
  /** Requests to unknown hosts, errors in the console such as blocked content, and uncaught errors. */
  problems = new Set();

  static async open(browser, url, cdn) {
    const context = await browser.newContext();
    const check = new PageCheck(context, url);
    await context.route(
      each => each.hostname !== '127.0.0.1',
      route => check.#answer(route, cdn),
    );
    context.on('page', page => check.#watch(page));
    check.page = await context.newPage();
    return check;
  }

  constructor(context, url) {
    this.context = context;
    this.url = url;
  }

  /** Opens a page and waits until it shows a text. */
  async show(name, text, width = 1280) {
    await this.page.setViewportSize({ width, height: 900 });
    await this.page.goto(`${this.url}/${name}`);
    await this.page.getByText(text).filter({ visible: true }).first().waitFor();
  }

  async picture(file) {
    if (process.env.PICTURES)
      await this.page.screenshot({ path: path.join(process.env.PICTURES, file), fullPage: true });
  }

  async close() {
    await this.context.close();
    assert.deepEqual([...this.problems], []);
  }

  /** Serves the files of a CDN from packages; blocks everything else. */
  #answer(route, cdn) {
    const { origin, pathname } = new URL(route.request().url());
    const found = Object.entries(cdn).find(([from]) => `${origin}${pathname}`.startsWith(from));
    // Redoc shows its logo.
    if (found === undefined && pathname !== '/redoc/logo-mini.svg')
      this.problems.add(`request: ${origin}${pathname}`);
    if (found?.[1] === undefined) return route.abort();
    const file = path.join(found[1], `${origin}${pathname}`.slice(found[0].length));
    return route.fulfill({ path: file, headers: { 'access-control-allow-origin': '*' } });
  }

  #watch(page) {
    page.setDefaultTimeout(20_000);
    page.on('pageerror', error => this.problems.add(`uncaught: ${error.message}`));
    page.on('console', message => {
      const isAborted = /net::ERR_FAILED/.test(message.text());
      if (message.type() === 'error' && !isAborted) this.problems.add(`console: ${message.text()}`);
    });
  }
}
