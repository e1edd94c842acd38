// https://fastapi.tiangolo.com/tutorial/header-params/ and cookie-params/
import { endpoint, Layer } from 'callnext';
import { Cookie, Header } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

// "Automatic conversion": `userAgent` and `user_agent` are `user-agent`.
const readAgent = endpoint(
  { userAgent: Header(z.string().nullable().default(null)) },
  ({ userAgent }) => ({ 'User-Agent': userAgent }),
);
const readStrange = endpoint(
  {
    strange_header: Header(z.string().nullable().default(null), {
      convertUnderscores: false,
    }),
  },
  ({ strange_header }) => ({ strange_header }),
);

// "Duplicate headers"
const readTokens = endpoint(
  { xToken: Header(z.array(z.string()).nullable().default(null)) },
  ({ xToken }) => ({ 'X-Token values': xToken }),
);

const readAds = endpoint(
  { adsId: Cookie(z.string().nullable().default(null), { alias: 'ads_id' }) },
  ({ adsId }) => ({ ads_id: adsId }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/agent', endpoint: readAgent },
    { method: 'get', path: '/strange', endpoint: readStrange },
    { method: 'get', path: '/tokens', endpoint: readTokens },
    { method: 'get', path: '/ads', endpoint: readAds },
  ],
};
