// Shared by the scripts that check an app in a browser.
import { existsSync } from 'node:fs';
import { toExpress } from 'callnext/express';
import { toKoa } from 'callnext/koa';
import express from 'express';
import Koa from 'koa';
import { chromium } from 'playwright-core';

const args =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync';

/** Launches Debian's headless Chromium. If it is missing, prints how to install it and exits. */
export function launchChromium() {
  const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync);
  if (executablePath === undefined) {
    console.error('This script needs Chromium, which is not installed: `apt-get install chromium`.');
    process.exit(1);
  }
  return chromium.launch({ executablePath, args: args.split(' ') });
}

/**
 * Returns the listener of an app with a layer around everything, and at each path an endpoint, optionally
 * inside another layer.
 */
export function listenerOf(framework, layer, routes) {
  if (framework === 'express') {
    const app = express().set('env', 'test').use(toExpress(layer));
    for (const [route, target] of Object.entries(routes))
      app.all(route, ...[target].flat().map(each => toExpress(each)));
    return app;
  }
  const app = new Koa().use(toKoa(layer));
  app.silent = true; // Koa logs every client that leaves a stream
  for (const [route, target] of Object.entries(routes)) {
    for (const handler of [target].flat().map(each => toKoa(each)))
      app.use((ctx, next) => (ctx.path === route ? handler(ctx, next) : next()));
  }
  return app.callback();
}
