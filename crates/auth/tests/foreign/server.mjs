// A certified OpenID provider that somebody else made, at addresses like Entra's.
//
// It listens on a port of this machine, says which in one line of JSON, beside the people it knows, and ends with its
// standard input. Graph is a resource of its own here, so that tokens are issued for it as Entra issues them.
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

// It has a word for every default that is kept, and for a Node that is not the newest.
console.info = () => {};
console.warn = () => {};
const { Provider, interactionPolicy } = await import('oidc-provider');

const { UNLATCH_FOREIGN_TENANT: tenant, UNLATCH_FOREIGN_CLIENT: client } = process.env;
let accessSeconds = Number(process.env.UNLATCH_FOREIGN_ACCESS_SECONDS);

// New ids every time, so that only the server can be where a test has them from.
const people = [
  { upn: 'alma@contoso.example', name: 'Alma Ibáñez', oid: randomUUID() },
  { upn: 'bruno@contoso.example', name: 'Bruno Okafor', oid: randomUUID() },
];

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const origin = `http://127.0.0.1:${port}`;
const mount = `/${tenant}/v2.0`;
const graphScopes = [
  'User.ReadBasic.All',
  'DeviceManagementManagedDevices.Read.All',
  'DeviceManagementManagedDevices.PrivilegedOperations.All',
].map((scope) => `${origin}/${scope}`);

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const provider = new Provider(`${origin}${mount}`, {
  clients: [
    {
      client_id: client,
      client_name: 'Unlatch',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://localhost'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  claims: { openid: ['sub', 'tid', 'oid', 'login_hint'], profile: ['name', 'preferred_username'] },
  conformIdTokenClaims: false,
  cookies: { keys: [randomBytes(32).toString('hex')] },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => origin,
      getResourceServerInfo: () => ({ scope: graphScopes.join(' ') }),
    },
    rpInitiatedLogout: { enabled: true },
    userinfo: { enabled: false },
  },
  findAccount: (_, upn) => {
    const person = people.find((known) => known.upn === upn);
    if (!person) return undefined;
    const { name, oid } = person;
    const claims = { sub: upn, tid: tenant, oid, name, preferred_username: upn, login_hint: `O.${oid}` };
    return { accountId: upn, claims: () => claims };
  },
  interactions: { policy, url: (_, { uid }) => `/interaction/${uid}` },
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'one' }] },
  pkce: { required: () => true },
  responseTypes: ['code'],
  // A refresh token that is used a second time takes the whole grant with it.
  rotateRefreshToken: true,
  ttl: { AccessToken: () => accessSeconds },
});

// It knows one condition for `offline_access`, `prompt=consent`. OpenID Connect Core (11) allows for others; here as with
// Entra, everybody is asked for consent whatever the prompt.
provider.use((ctx, next) => {
  if (ctx.path === '/auth' && ctx.method === 'GET') {
    ctx.query = { ...ctx.query, prompt: [ctx.query.prompt, 'consent'].filter(Boolean).join(' ') };
  }
  return next();
});

const tokenRequests = [];
const noteTokenRequest = ({ oidc }, error) =>
  tokenRequests.push({ grant: oidc.params?.grant_type, error: error?.message ?? null });
provider.on('grant.success', (ctx) => noteTokenRequest(ctx));
provider.on('grant.error', noteTokenRequest);
provider.on('server_error', (_, error) => console.error(error));

const provide = provider.callback();

async function answer(request, response) {
  const { pathname } = new URL(request.url, origin);
  if (pathname.startsWith(`${mount}/`)) {
    request.baseUrl = mount;
    request.url = request.url.slice(mount.length);
    await provide(request, response);
  } else if (pathname.startsWith('/interaction/')) {
    await interaction(request, response);
  } else if (pathname === '/_control/token-requests') {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(tokenRequests));
  } else if (pathname === '/_control/access-seconds') {
    accessSeconds = Number(await text(request));
    response.end();
  } else {
    response.writeHead(404).end();
  }
}

/** What a person sees and says between the request and its answer. */
async function interaction(request, response) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  const form = request.method === 'POST' ? new URLSearchParams(await text(request)) : null;
  const finish = (result) => provider.interactionFinished(request, response, result);
  if (form?.has('cancel')) {
    await finish({ error: 'access_denied', error_description: 'The person gave up.' });
  } else if (form && prompt.name === 'consent') {
    const known = grantId && (await provider.Grant.find(grantId));
    const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    const { missingOIDCScope = [], missingResourceScopes = {} } = prompt.details;
    grant.addOIDCScope(missingOIDCScope.join(' '));
    for (const [resource, scopes] of Object.entries(missingResourceScopes)) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
    await finish({ consent: { grantId: await grant.save() } });
  } else if (form && people.some(({ upn }) => upn === form.get('upn'))) {
    await finish({ select_account: {}, login: { accountId: form.get('upn') } });
  } else {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page(prompt, params, session));
  }
}

const escaped = (words) => String(words).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function page(prompt, params, session) {
  const field = `<input name="upn" value="${escaped(params.login_hint ?? '')}">`;
  const [id, content] =
    prompt.name === 'consent'
      ? ['consent', `<p>Unlatch asks for: ${escaped(params.scope)}</p>`]
      : session && prompt.name === 'select_account'
        ? ['pick', `<input name="upn" type="hidden" value="${escaped(session.accountId)}"><p>${escaped(session.accountId)}</p>`]
        : ['sign-in', field];
  return `<!doctype html><html lang="en"><title>${id}</title>
    <form id="${id}" method="post">${content}<button name="go">Go on</button><button name="cancel">Cancel</button></form></html>`;
}

process.stdin.resume().on('end', () => process.exit());
console.log(JSON.stringify({ port, people }));
