/** What `fetch` takes, with what platforms add to it. Its type has other names in each of them. */
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
