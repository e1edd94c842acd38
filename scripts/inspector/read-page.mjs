// Reads the page of the inspector.

/** Waits until a function is true on the page. */
export function until(page, isSo, argument) {
  return page.waitForFunction(isSo, argument, { timeout: 10_000 });
}

export function rows(page) {
  return page.locator('#requests button');
}

/** The text of the request that is shown: its head, and its lines that `client.trace` has too. */
export async function readDetail(page) {
  const [head, , ...lines] = (await page.locator('pre').textContent()).trimEnd().split('\n');
  const moments = lines.map(line => /^ +[\d.]+ ms {2}(\w+) +(.*)$/.exec(line).slice(1));
  const traced = moments
    .filter(([stage, text]) => !['native', 'reported'].includes(stage) && !/ failed: /.test(text))
    .map(([, text]) => text);
  return { head, traced };
}
