// FastAPI's tutorial, "CORS (Cross-Origin Resource Sharing)": https://fastapi.tiangolo.com/tutorial/cors/
import { endpoint, Layer } from 'callnext';
import { cors } from 'callnext/middleware/cors';

const origins = [
  'http://localhost.tiangolo.com',
  'https://localhost.tiangolo.com',
  'http://localhost',
  'http://localhost:8080',
];

export const layer = new Layer();

layer.addMiddleware(
  cors({
    allowOrigins: origins,
    allowCredentials: true,
    allowMethods: ['*'],
    allowHeaders: ['*'],
  }),
);

export const main = endpoint({}, () => ({ message: 'Hello World' }));
