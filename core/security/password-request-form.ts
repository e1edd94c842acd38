import { dependency } from '../dependencies/depends.js';
import type { DeclaredDependency, Injected } from '../dependencies/marker.js';
import { grantSchema } from '../params/own-schemas.js';
import { Form } from '../params/parameters.js';

/** The form that a client of OAuth2's password flow sends. */
export interface OAuth2PasswordRequestForm {
  /** `null` if the client omits it. */
  readonly grantType: string | null;
  readonly username: string;
  readonly password: string;
  readonly scopes: readonly string[];
  readonly clientId: string | null;
  readonly clientSecret: string | null;
}

const fields = {
  username: Form(),
  password: Form(),
  scope: Form({ default: '' }),
  clientId: Form({ alias: 'client_id', default: null }),
  clientSecret: Form({ alias: 'client_secret', default: null }),
};

type Fields = { readonly grantType: string | null; readonly scope: string } & Omit<
  OAuth2PasswordRequestForm,
  'scopes'
>;

const read = ({
  grantType,
  username,
  password,
  scope,
  clientId,
  clientSecret,
}: Fields): OAuth2PasswordRequestForm => ({
  grantType,
  username,
  password,
  scopes: scope.split(/\s+/).filter(each => each !== ''),
  clientId,
  clientSecret,
});

/**
 * A dependency that reads the form of OAuth2's password flow: `Depends(OAuth2PasswordRequestForm)`. FastAPI's
 * class of the same name.
 */
export const OAuth2PasswordRequestForm: DeclaredDependency<
  OAuth2PasswordRequestForm,
  'background',
  Injected
> = dependency({ grantType: Form(grantSchema, { alias: 'grant_type', default: null }), ...fields }, context =>
  read(context),
) as never;

/** The same, but the form must contain `grant_type=password`, as OAuth2 requires. */
export const OAuth2PasswordRequestFormStrict: DeclaredDependency<
  OAuth2PasswordRequestForm,
  'background',
  Injected
> = dependency({ grantType: Form(grantSchema, { alias: 'grant_type' }), ...fields }, context =>
  read(context),
) as never;
