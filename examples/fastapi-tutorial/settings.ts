// https://fastapi.tiangolo.com/advanced/settings/
import { Depends, endpoint, Layer } from 'callnext';
import type { Page } from './page.js';

/** Called once per layer, like FastAPI's `@lru_cache`. */
export function getSettings() {
  return {
    app_name: 'Awesome API',
    admin_email: process.env.ADMIN_EMAIL ?? 'admin@example.com',
    items_per_user: 50,
  };
}

const info = endpoint(
  { settings: Depends(getSettings, { scope: 'app' }) },
  ({ settings }) => settings,
);

export const page: Page = {
  layer: new Layer(),
  routes: [{ method: 'get', path: '/info', endpoint: info }],
};
