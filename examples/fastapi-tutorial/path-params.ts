// https://fastapi.tiangolo.com/tutorial/path-params/
import { endpoint, Layer } from 'callnext';
import { Path } from 'callnext/params';
import { z } from 'zod';
import type { Page } from './page.js';

// A parameter of a route keeps the route's name: `:item_id` needs an alias.
const readItem = endpoint(
  { itemId: Path(z.int(), { alias: 'item_id' }) },
  ({ itemId }) => ({ item_id: itemId }),
);

// "Order matters": `/users/me` is mounted before `/users/:user_id`.
const readUserMe = endpoint({}, () => ({ user_id: 'the current user' }));
const readUser = endpoint(
  { userId: Path({ alias: 'user_id' }) },
  ({ userId }) => ({ user_id: userId }),
);

// "Predefined values"
const ModelName = z.enum(['alexnet', 'resnet', 'lenet']);
const messages = {
  alexnet: 'Deep Learning FTW!',
  lenet: 'LeCNN all the images',
  resnet: 'Have some residuals',
};
const getModel = endpoint(
  { modelName: Path(ModelName, { alias: 'model_name' }) },
  ({ modelName }) => ({ model_name: modelName, message: messages[modelName] }),
);

// "Path parameters containing paths"
const readFile = endpoint(
  { filePath: Path({ alias: 'file_path' }) },
  ({ filePath }) => ({ file_path: filePath }),
);

export const page: Page = {
  layer: new Layer(),
  routes: [
    { method: 'get', path: '/items/:item_id', endpoint: readItem },
    { method: 'get', path: '/users/me', endpoint: readUserMe },
    { method: 'get', path: '/users/:user_id', endpoint: readUser },
    { method: 'get', path: '/models/:model_name', endpoint: getModel },
    { method: 'get', path: '/files/*file_path', endpoint: readFile },
  ],
};
