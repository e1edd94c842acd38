import type { Endpoint } from '../../endpoint/endpoint.js';
import { pageEndpoint } from './page.js';

/** Hands the answer of the authorization server to the page of Swagger UI that opened this window. */
const hand = `
const oauth2 = window.opener && window.opener.swaggerUIRedirectOauth2;
if (oauth2) {
  const answer = Object.fromEntries(new URLSearchParams(location.hash.slice(1) || location.search));
  const { auth, redirectUrl } = oauth2;
  const fail = message => oauth2.errCb({ authId: auth.name, source: 'auth', level: 'error', message });
  const isValid = answer.state === oauth2.state;
  const isCode = ['accessCode', 'authorizationCode', 'authorization_code'].includes(auth.schema.get('flow'));
  if (answer.error) {
    fail('[' + answer.error + ']: ' + (answer.error_description || 'the authorization server gave no reason.'));
  } else if (!isValid) {
    fail('The authorization server returned another state than it was sent.');
  } else if (!isCode) {
    oauth2.callback({ auth, token: answer, isValid, redirectUrl });
  } else if (answer.code) {
    delete oauth2.state;
    auth.code = answer.code;
    oauth2.callback({ auth, redirectUrl });
  } else {
    fail('The authorization server returned no code.');
  }
  window.close();
}
`;

/**
 * Returns an endpoint for the page to which an authorization server sends the user back, for *Authorize* in
 * `swaggerUi({ oauth2RedirectUrl })`. FastAPI's `get_swagger_ui_oauth2_redirect_html`.
 *
 * ```ts
 * app.get('/docs/oauth2-redirect', toExpress(swaggerUiOAuth2Redirect()));
 * ```
 */
export function swaggerUiOAuth2Redirect(): Endpoint {
  return pageEndpoint('swaggerUiOAuth2Redirect', () => ({
    title: 'Swagger UI: OAuth2 redirect',
    head: [],
    body: ['<p>You can close this window.</p>'],
    policy: { scripts: [], inline: hand },
    // Any other value would cut the window off from the page that opened it.
    headers: { 'cross-origin-opener-policy': 'unsafe-none' },
  }));
}
