// Settings that are read once, checked at the start, and replaced in a test.
import { Depends, endpoint, Layer } from 'callnext';
import { toExpress } from 'callnext/express';
import express from 'express';

interface Settings {
  readonly appName: string;
  readonly itemsPerUser: number;
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const itemsPerUser = Number(env.ITEMS_PER_USER ?? 50);
  if (!Number.isInteger(itemsPerUser))
    throw new Error('ITEMS_PER_USER is not a whole number.');
  return { appName: env.APP_NAME ?? 'Awesome API', itemsPerUser };
}

const settings = readSettings(process.env); // fails before the server listens
export const getSettings = () => settings;

const info = endpoint(
  { settings: Depends(getSettings) },
  ({ settings }) => settings,
);

export const layer = new Layer();
export const app = express();
app.use(toExpress(layer));
app.get('/info', toExpress(info));
