/** The options of `fetch`, including those that platforms add; their types differ. */
export const knownOfFetch = {
  body: true,
  cache: true,
  credentials: true,
  dispatcher: true,
  duplex: true,
  headers: true,
  integrity: true,
  keepalive: true,
  method: true,
  mode: true,
  priority: true,
  redirect: true,
  referrer: true,
  referrerPolicy: true,
  signal: true,
  window: true,
};
