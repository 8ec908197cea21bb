import { type Scope, scopes } from '@slipway/contract';
import { styles } from './styles.ts';

/** A text as it may stand in HTML, between tags and in attributes. */
const inHtml = (text: string): string => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const lines = 'M3 19h18M4 15l2 4M20 11l-3 8M4 15l16-4M10 13.4V5l6 6.9';
const mark = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
  stroke-linejoin="round" aria-hidden="true"><path d="${lines}"/></svg>`;

/** The icon of every page. */
export const icon = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="${lines}" fill="none" stroke="#4a90d9" stroke-width="2"/></svg>`,
)}`;

/** A whole page. `content` is HTML; texts in it are escaped already. */
const page = (title: string, content: string, wrong = false): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="${icon}">
<title>${wrong ? 'Error: ' : ''}${inHtml(title)} · Slipway</title>
<style>${styles}</style>
</head>
<body>
<header>${mark}Slipway</header>
<main>
<h1>${inHtml(title)}</h1>
${content}
</main>
</body>
</html>
`;

/** The text that belongs to the fields above it; read out at once. */
const problem = (text: string | null | undefined): string =>
  text ? `<p class="wrong" id="problem" role="alert">${inHtml(text)}</p>` : '';

export interface SignInForm {
  /** Path of the interaction. */
  path: string;
  client: string;
  /** Another provider to sign in at; `again` asks there who it is, even of who has a session. */
  upstream: { host: string; again: boolean } | null;
  email?: string;
  problem?: string;
  /** The problem is about something else than what was typed. */
  typedWell?: boolean;
}

export function signInPage(form: SignInForm): string {
  const { path, client, upstream, email = '', problem: text, typedWell = false } = form;
  const faulty = text && !typedWell ? ' aria-invalid="true" aria-describedby="problem"' : '';
  // Who comes back after a wrong password goes on with the password.
  const [first, second] = email === '' ? [' autofocus', ''] : ['', ' autofocus'];
  return page(
    'Sign in',
    `<p>to continue to <strong>${inHtml(client)}</strong></p>
${problem(text)}
<form method="post" action="${path}/sign-in">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required maxlength="255" value="${inHtml(email)}"${faulty}${first}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1000"${faulty}${second}>
<button type="submit">Sign in</button>
</form>
${upstream === null ? '' : `<a class="button" href="${path}/upstream${upstream.again ? '?again' : ''}">Continue with ${inHtml(upstream.host)}</a>`}
<form method="post" action="${path}/cancel"><button class="quiet" type="submit">Cancel</button></form>`,
    text !== undefined,
  );
}

export interface ChoosePasswordForm {
  path: string;
  /** E-mail address, for programs that keep passwords. */
  user: string;
  problem?: string;
}

export function choosePasswordPage({ path, user, problem: text }: ChoosePasswordForm): string {
  const faulty = text ? ' aria-invalid="true"' : '';
  const field = (id: string, label: string, more: string) => `<label for="${id}">${label}</label>
<input id="${id}" name="${id}" type="password" autocomplete="new-password" required minlength="12" maxlength="1000" aria-describedby="${text ? 'problem rule' : 'rule'}"${faulty}${more}>`;
  return page(
    'Choose your password',
    `<p>You are <strong>${inHtml(user)}</strong>. The password that you were given opens this page alone.</p>
${problem(text)}
<form method="post" action="${path}/password">
<input type="email" name="username" autocomplete="username" value="${inHtml(user)}" readonly hidden>
${field('password', 'New password', ' autofocus')}
<p class="hint" id="rule">At least 12 characters.</p>
${field('repeated', 'New password, once more', '')}
<button type="submit">Set password</button>
</form>
<form method="post" action="${path}/cancel"><button class="quiet" type="submit">Cancel</button></form>`,
    text !== undefined,
  );
}

const meanings: Record<Scope, string> = {
  'connectors:read': 'See connectors and their versions',
  'connectors:write': 'Make and change connectors',
  'builds:write': 'Build versions',
  'releases:write': 'Synchronize and release versions',
  'runs:read': 'See runs, their logs and rows',
  'runs:write': 'Start and cancel runs',
  'secrets:write': 'Write secrets; values are never shown',
  'platform:read': 'See accounts, projects and sites',
  'platform:write': 'Change and process sites',
  admin: 'Administer users, organizations and the system',
};

export interface ConsentForm {
  path: string;
  client: string;
  user: string;
  /** As asked for, separated by blanks. */
  scopes: string;
  /** Where the browser goes afterwards; null for a device. */
  host: string | null;
}

export function consentPage({ path, client, user, scopes: asked, host }: ConsentForm): string {
  const wanted = asked.split(' ');
  const items = scopes
    .filter((scope) => wanted.includes(scope))
    .map((scope) => `<li>${meanings[scope]}<span>${scope}</span></li>`);
  if (wanted.includes('offline_access')) {
    items.push('<li>Stay signed in<span>until you end it under “Sign-ins”</span></li>');
  }
  return page(
    `Let ${client} act for you?`,
    `<p>You are signed in as <strong>${inHtml(user)}</strong>.${
      host ? ` You go back to <strong>${inHtml(host)}</strong>.` : ''
    }</p>
${items.length > 0 ? `<ul>${items.join('')}</ul>` : '<p>It learns who you are, nothing else.</p>'}
<p>Never more than your own role allows.</p>
<form method="post" action="${path}/allow"><button type="submit">Allow</button></form>
<form method="post" action="${path}/cancel"><button class="quiet" type="submit">Cancel</button></form>`,
  );
}

/** The provider's forms carry a token against forgery; the rest of them is ours. */
const hidden = (form: string): string =>
  [...form.matchAll(/<input\s+type="hidden"[^>]*>/g)].map(([input]) => input).join('');

const deviceProblems: Record<string, string> = {
  NoCodeError: 'Enter the code that the device shows.',
  NotFoundError: 'There is no such code. Look at the device and try again.',
  ExpiredError: 'This code is too old. Start again on the device.',
  AlreadyUsedError: 'This code was used already. Start again on the device.',
  AbortedError: 'Cancelled. The device gets no access.',
};

export function deviceCodePage(form: string, error?: Error & { userCode?: string }): string {
  const text =
    error && (deviceProblems[error.constructor.name] ?? 'That did not work. Enter the code once more.');
  const faulty = text ? ' aria-invalid="true" aria-describedby="problem"' : '';
  return page(
    'Connect a device',
    `<p>Enter the code that the device shows.</p>
${problem(text)}
<form method="post" action="/oauth/device">${hidden(form)}
<label for="code">Code</label>
<input id="code" class="code" name="user_code" type="text" autocomplete="off" autocapitalize="characters" spellcheck="false" required maxlength="20" value="${inHtml(error?.userCode ?? '')}"${faulty} autofocus>
<button type="submit">Continue</button>
</form>`,
    text !== undefined,
  );
}

export const deviceConfirmPage = (form: string, client: string, code: string): string =>
  page(
    'Is this your device?',
    `<p><strong>${inHtml(client)}</strong> wants to connect. Go on only when the device shows this code:</p>
<p class="shown">${inHtml(code)}</p>
<form method="post" action="/oauth/device">${hidden(form)}
<button type="submit">Continue</button>
<button class="quiet" type="submit" name="abort" value="yes">Cancel</button>
</form>`,
  );

export const deviceDonePage = (client: string): string =>
  page('Connected', `<p><strong>${inHtml(client)}</strong> is signed in. You can close this page.</p>`);

/** @param upstream host of the other provider that the user signed in at, where a session goes on */
export const signOutPage = (form: string, upstream: string | null): string =>
  page(
    'Sign out?',
    `<p>This ends your session in this browser.${
      upstream === null ? '' : ` You stay signed in at <strong>${inHtml(upstream)}</strong>.`
    }</p>
<form method="post" action="/oauth/sign-out/confirm">${hidden(form)}
<button type="submit" name="logout" value="yes">Sign out</button>
<button class="quiet" type="submit">Stay signed in</button>
</form>`,
  );

export const signedOutPage = (): string => page('Signed out', '<p>You can close this page.</p>');

export const failurePage = (text: string): string =>
  page(
    'That did not work',
    `${problem(`${text.charAt(0).toUpperCase()}${text.slice(1)}`)}
<p>Go back to where you came from and start again.</p>`,
  );
