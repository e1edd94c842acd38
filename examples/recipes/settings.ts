// Settings that are read once, checked at the start, and replaced in a test.
import { Depends, endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

interface Settings {
  readonly appName: string;
  readonly itemsPerUser: number;
}

export function getSettings(): Settings {
  const { APP_NAME = 'Awesome API', ITEMS_PER_USER = '50' } = process.env;
  const itemsPerUser = Number(ITEMS_PER_USER);
  if (!Number.isInteger(itemsPerUser))
    throw new Error('ITEMS_PER_USER is not a whole number.');
  return { appName: APP_NAME, itemsPerUser };
}
const settings = Depends(getSettings, { scope: 'app' });

const info = endpoint({ settings }, ({ settings }) => settings);

// `await layer.start()` fails before the server listens.
export const layer = new Layer({ dependencies: [settings] });
export const app = express();
app.use(toExpress(layer));
app.get('/info', toExpress(info));
