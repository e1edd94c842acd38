/** FastAPI's security classes: `callnext/security`. */
export { SecurityScopes } from '../dependencies/security-scopes.js';
export { APIKeyCookie, APIKeyHeader, type APIKeyOptions, APIKeyQuery } from './api-key.js';
export {
  type HTTPAuthorizationCredentials,
  HTTPBasic,
  type HTTPBasicCredentials,
  type HTTPBasicOptions,
  HTTPBearer,
  type HTTPBearerOptions,
  HTTPDigest,
} from './http.js';
export {
  type AuthorizationCodeBearerOptions,
  OAuth2AuthorizationCodeBearer,
  OAuth2PasswordBearer,
  OpenIdConnect,
  type OpenIdConnectOptions,
  type PasswordBearerOptions,
  type Scopes,
} from './oauth2.js';
export { OAuth2PasswordRequestForm, OAuth2PasswordRequestFormStrict } from './password-request-form.js';
export { type Credentials, Scheme, type SchemeOptions } from './scheme.js';
export { Security, type SecurityOptions } from './security.js';
