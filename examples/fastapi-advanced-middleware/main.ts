// FastAPI's guide, "Advanced Middleware": https://fastapi.tiangolo.com/advanced/middleware/
import { endpoint, Layer } from 'callnext';
import { gzip } from 'callnext/middleware/gzip';
import { httpsRedirect } from 'callnext/middleware/https-redirect';
import { trustedHost } from 'callnext/middleware/trusted-host';

const hello = endpoint({}, () => ({ message: 'Hello World' }));
const somebigcontent = endpoint({}, () => 'somebigcontent'.repeat(100));

/** The three programs of the page: a layer, and what is below it. */
export const programs = {
  httpsRedirect: {
    layer: new Layer({ middleware: [httpsRedirect()] }),
    main: hello,
  },
  trustedHost: {
    layer: new Layer({
      middleware: [
        trustedHost({ allowedHosts: ['example.com', '*.example.com'] }),
      ],
    }),
    main: hello,
  },
  gzip: {
    layer: new Layer({
      middleware: [gzip({ minimumSize: 1000, compressLevel: 5 })],
    }),
    main: somebigcontent,
  },
};
