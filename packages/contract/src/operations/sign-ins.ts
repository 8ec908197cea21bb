import Type from 'typebox';
import { roles } from '../enums.ts';
import { body, choice, list, nullableText, optional, requiredText, uuid } from '../fields.ts';
import { operation } from '../operation.ts';
import { SignIn } from '../representations/sign-in.ts';
import { User } from '../representations/user.ts';
import { messages, texts } from '../texts.ts';

const chapter = '5.13 Users, tokens, clients';

/** Taken as typed: blanks at its ends belong to it. */
const newPassword = requiredText({ min: 12, max: 1000, verbatim: true });
const tooShort = texts.tooShort(12);

export const meUpdatePassword = operation({
  id: 'me_update_password',
  method: 'PUT',
  path: '/me/password',
  chapter,
  tag: 'ours',
  summary: "Change one's password; all other sign-ins end",
  access: 'signed-in',
  scope: null,
  body: body({ current: requiredText({ max: 1000, verbatim: true }), new: newPassword }),
  success: { envelope: 'message', message: 'Password changed.' },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { current: texts.invalid } } },
    { status: 400, body: { message: messages.badRequest, errors: { new: tooShort } } },
  ],
});

export const signInList = operation({
  id: 'sign_in_list',
  method: 'GET',
  path: '/me/sign-ins',
  chapter,
  tag: 'ours',
  summary: 'List where one is signed in',
  access: 'signed-in',
  scope: null,
  success: { envelope: 'list', resource: 'sign-in', data: SignIn },
});

export const signInDelete = operation({
  id: 'sign_in_delete',
  method: 'DELETE',
  path: '/me/sign-ins/{signInId}',
  chapter,
  tag: 'ours',
  summary: "End one of one's sign-ins; its tokens stop at once",
  access: 'signed-in',
  scope: null,
  success: { envelope: 'empty' },
  refusals: [{ status: 404, body: { message: 'Sign-in not found.' } }],
});

export const invitationAccept = operation({
  id: 'invitation_accept',
  method: 'POST',
  path: '/invitations/{token}',
  chapter,
  tag: 'ours',
  summary: 'Accept an invitation: choose a name and a password',
  access: 'public',
  scope: null,
  subject: 'invitation',
  body: body({ name: requiredText(), password: newPassword }),
  success: { envelope: 'single', message: 'Welcome.', resource: 'user', data: User },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { password: tooShort } } },
    { status: 404, body: { message: 'Invitation not found.' } },
  ],
});

export const userInvite = operation({
  id: 'user_invite',
  method: 'POST',
  path: '/users',
  chapter,
  tag: 'ours',
  summary: 'Invite a user: the answer has the address to send them',
  access: 'admin',
  scope: 'admin',
  body: body({
    email: requiredText({ pattern: /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$/, texts: { pattern: texts.email } }),
    name: optional(nullableText()),
    role: optional(choice(roles)),
    organizations: optional(list(uuid())),
  }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'User invited.',
    resource: 'user',
    data: Type.Object({ ...User.properties, 'invitation-url': Type.String() }),
  },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { email: texts.email } } },
    { status: 400, body: { message: messages.badRequest, errors: { email: texts.used } } },
    {
      status: 400,
      body: { message: messages.badRequest, errors: { 'organizations[0]': 'Organization not found.' } },
    },
  ],
});
