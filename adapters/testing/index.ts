export { CookieJar } from './cookie-jar.js';
export { override, type Replacement, type Restore } from './overrides.js';
export { TestClient, type TestClientOptions, type TestRequestInit, type TestTarget } from './test-client.js';
