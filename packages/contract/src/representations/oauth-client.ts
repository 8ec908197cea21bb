import Type from 'typebox';
import { oauthClientKinds, oauthGrantTypes, scopes } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';

const oauthClientProperties = {
  'client-id': Uuid,
  name: Type.String(),
  kind: oneOf(oauthClientKinds),
  'redirect-uris': Type.Array(Type.String()),
  'grant-types': Type.Array(oneOf(oauthGrantTypes)),
  scopes: Type.Array(oneOf(scopes)),
  user: nullable(Uuid),
  'created-at': Time,
};

export const OAuthClient = Type.Object(oauthClientProperties);

/** The answer that creates a client is the only one that shows its secret; a public one has none. */
export const NewOAuthClient = Type.Object({
  ...oauthClientProperties,
  'client-secret': nullable(Type.String()),
});
