import { act, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it, onTestFinished, vi } from 'vitest';

import type { SettingsView } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { byId, findId, noId, openWindow } from '../test-window';

const CLIENT = '8f6c1c1e-2b7a-4c7e-9d5a-0a3b1c2d4e5f';

function nameless(settings: Partial<SettingsView> = {}): FakeBackend {
  const backend = new FakeBackend({ mode: 'unconfigured' });
  backend.status.settings = { ...backend.status.settings, tenant: null, clientId: null, ...settings };
  return backend;
}

const missing = () =>
  within(byId('missing'))
    .getAllByRole('listitem')
    .map((item) => item.textContent);

describe('the set-up at the first run', () => {
  it('says step by step what to register, with everything to be copied', async () => {
    const { person } = await openWindow(nameless());
    expect(screen.getByRole('heading', { level: 1 })).toHaveFocus();
    expect(screen.getAllByRole('heading', { level: 2 }).map((title) => title.textContent?.trim())).toEqual([
      '1. Register the application',
      '2. Set the redirect address',
      '3. Allow public client flows',
      '4. Add the permissions',
      '5. Name the tenant and the application',
      '6. Have an administrator consent',
      'What is still missing',
    ]);
    const copied: string[] = [];
    vi.spyOn(navigator.clipboard, 'writeText').mockImplementation(async (text) => void copied.push(text));
    for (const button of screen.getAllByRole('button', { name: /^Copy / })) await person.click(button);
    expect(copied).toEqual([
      'Unlatch',
      'https://entra.microsoft.com/#view/RegisteredApps',
      'http://localhost',
      'User.ReadBasic.All',
      'DeviceManagementManagedDevices.Read.All',
      'DeviceManagementManagedDevices.PrivilegedOperations.All',
      'openid',
      'profile',
      'offline_access',
    ]);
    expect(screen.getByText('Only for recovering; searching works without it.')).toBeInTheDocument();
    expect(screen.getByText(/Unlatch cannot see steps 1 to 4/)).toBeInTheDocument();
    expect(screen.queryByText('In the admin center, switch to this tenant first.')).toBeNull();
  });

  it('says exactly what is missing, and leads to the first of it instead of saving', async () => {
    const backend = nameless();
    const { person } = await openWindow(backend);
    expect(missing()).toEqual(['The tenant', 'The application (client) ID']);
    await person.click(byId('setup-save'));
    expect(byId('setup-tenant')).toHaveFocus();
    expect(byId('announcer')).toHaveTextContent(
      'What is still missing: The tenant; The application (client) ID',
    );

    await person.type(byId('setup-tenant'), 'contoso');
    await person.type(byId('setup-client-id'), '12345');
    expect(byId('setup-tenant')).toBeInvalid();
    expect(missing()).toEqual([
      'A tenant in the right format',
      'An application (client) ID in the right format',
    ]);

    await person.type(byId('setup-tenant'), '.example');
    expect(missing()).toEqual(['An application (client) ID in the right format']);
    await person.click(byId('setup-save'));
    expect(byId('setup-client-id')).toHaveFocus();
    expect(backend.called('saveSettings')).toEqual([]);
    expect(backend.called('signIn')).toEqual([]);
  });

  it('saves and goes on to the sign-in', async () => {
    const backend = nameless();
    const { person } = await openWindow(backend);
    await person.type(byId('setup-tenant'), ' contoso.example ');
    await person.type(byId('setup-client-id'), CLIENT);
    expect(byId('missing-none')).toHaveTextContent('Nothing that Unlatch can see.');
    const release = backend.hold('signIn');
    await person.keyboard('{Enter}');
    expect(await findId('sign-in-waiting')).toBeInTheDocument();
    expect(backend.called('saveSettings')).toMatchObject([
      { tenant: 'contoso.example', clientId: CLIENT, cloud: 'global', idleLockMinutes: 15, language: 'en' },
    ]);
    release();
    await findId('search-input');
    expect(backend.called('signIn')).toEqual([false]);
  });

  it('says why it could not be saved, and stays', async () => {
    const backend = nameless();
    backend.fail('saveSettings', problem('config', { message: 'config.toml is read-only' }));
    const { person } = await openWindow(backend);
    await person.type(byId('setup-tenant'), 'contoso.example');
    await person.type(byId('setup-client-id'), CLIENT);
    await person.click(byId('setup-save'));
    expect(await findId('error-panel')).toHaveTextContent('config.toml is read-only');
    expect(byId('setup-client-id')).toHaveValue(CLIENT);
    expect(backend.called('signIn')).toEqual([]);
  });

  it('asks for the tenant once the typing pauses, and not for every letter', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    onTestFinished(() => void vi.useRealTimers());
    const backend = nameless();
    const { person } = await openWindow(backend);
    await person.type(byId('setup-tenant'), 'contoso.exam');
    expect(backend.called('checkTenant')).toEqual([]);
    expect(byId('tenant-check')).toHaveTextContent('Looking for the tenant…');
    await person.type(byId('setup-tenant'), 'ple');
    await act(() => vi.advanceTimersByTimeAsync(450));
    expect(backend.called('checkTenant')).toEqual([
      { tenant: 'contoso.example', clientId: '', cloud: 'global' },
    ]);
    await waitFor(() =>
      expect(byId('tenant-check')).toHaveTextContent('Found: tenant id 3f2b1c00-0000-4000-8000-000000000001'),
    );
  });

  it('never shows an old answer for a new tenant, whichever comes first', async () => {
    const backend = nameless();
    backend.tenantCheck = ({ tenant }) =>
      tenant === 'new.example' ? { kind: 'notFound' } : { kind: 'found', tenantId: 'old' };
    const { person } = await openWindow(backend);
    const releaseOld = backend.hold('checkTenant');
    await person.type(byId('setup-tenant'), 'old.example');
    await waitFor(() => expect(backend.called('checkTenant')).toHaveLength(1));
    await person.clear(byId('setup-tenant'));
    const releaseNew = backend.hold('checkTenant');
    await person.type(byId('setup-tenant'), 'new.example');
    await waitFor(() => expect(backend.called('checkTenant')).toHaveLength(2));
    // The older question fails as superseded, and nothing is said of it.
    await act(releaseOld);
    expect(byId('tenant-check')).toHaveTextContent('Looking for the tenant…');
    await act(releaseNew);
    await waitFor(() => expect(byId('tenant-check')).toHaveTextContent('No such tenant in this cloud'));
    await person.type(byId('setup-tenant'), '.se');
    expect(byId('tenant-check')).not.toHaveTextContent('No such tenant in this cloud');
  });

  it('holds back a tenant that does not exist or is in another cloud, and asks anew in that cloud', async () => {
    const backend = nameless();
    backend.tenantCheck = ({ cloud }) =>
      cloud === 'us-gov'
        ? { kind: 'found', tenantId: 'gov-1' }
        : { kind: 'otherCloud', host: 'login.microsoftonline.us' };
    const { person } = await openWindow(backend);
    await person.type(byId('setup-tenant'), 'agency.example');
    await person.type(byId('setup-client-id'), CLIENT);
    await waitFor(() =>
      expect(byId('tenant-check')).toHaveTextContent(
        'This tenant is in another cloud (login.microsoftonline.us)',
      ),
    );
    expect(missing()).toEqual(['The cloud that this tenant is in']);
    await person.click(byId('setup-save'));
    expect(byId('setup-cloud')).toHaveFocus();
    await person.selectOptions(byId('setup-cloud'), 'us-gov');
    await waitFor(() => expect(byId('tenant-check')).toHaveTextContent('Found: tenant id gov-1'));
    await person.click(byId('setup-save'));
    await waitFor(() => expect(backend.called('saveSettings')).toMatchObject([{ cloud: 'us-gov' }]));
  });

  it('does not hold back a tenant that could not be asked for', async () => {
    const backend = nameless();
    backend.tenantCheck = () => ({ kind: 'notAsked', problem: problem('offline') });
    const { person } = await openWindow(backend);
    await person.type(byId('setup-tenant'), 'contoso.example');
    await person.type(byId('setup-client-id'), CLIENT);
    await waitFor(() =>
      expect(byId('tenant-check')).toHaveTextContent(
        'The tenant could not be checked. The service cannot be reached.',
      ),
    );
    await person.click(byId('setup-save'));
    await waitFor(() => expect(backend.called('saveSettings')).toHaveLength(1));
  });

  it('opens and copies the links for an administrator once it has both ids', async () => {
    const backend = nameless();
    const { person } = await openWindow(backend);
    expect(byId('open-adminConsent')).toBeDisabled();
    noId('copy-adminConsent');
    await person.type(byId('setup-tenant'), 'contoso.example');
    await person.type(byId('setup-client-id'), CLIENT);
    await waitFor(() => expect(byId('open-adminConsent')).toBeEnabled());
    const copied: string[] = [];
    vi.spyOn(navigator.clipboard, 'writeText').mockImplementation(async (text) => void copied.push(text));
    await person.click(byId('copy-adminConsentToSearch'));
    expect(copied[0]).toContain(`contoso.example/v2.0/adminconsent?client_id=${CLIENT}&scope=search`);
    await person.click(byId('open-adminConsent'));
    const input = { tenant: 'contoso.example', clientId: CLIENT, cloud: 'global' };
    expect(backend.called('openSetupLink')).toEqual([{ input, link: 'adminConsent' }]);
    expect(screen.getByText(/localhost cannot be reached: that is expected/)).toBeInTheDocument();

    backend.fail('openSetupLink', problem('noBrowser'));
    await person.click(byId('open-registrations'));
    expect(await findId('error-panel')).toHaveTextContent('No browser could be opened.');

    await person.type(byId('setup-client-id'), '0');
    await waitFor(() => expect(byId('open-adminConsent')).toBeDisabled());
  });

  it('shows what policy fixes as set by the organisation', async () => {
    const backend = nameless({ tenant: 'contoso.example', locked: ['tenant', 'cloud'] });
    const { person } = await openWindow(backend);
    expect(byId('setup-tenant')).toBeDisabled();
    expect(byId('setup-tenant')).toHaveValue('contoso.example');
    expect(byId('setup-cloud')).toBeDisabled();
    expect(screen.getAllByText('Set by your organisation')).toHaveLength(2);
    expect(missing()).toEqual(['The application (client) ID']);
    await person.type(byId('setup-client-id'), CLIENT);
    await person.click(byId('setup-save'));
    await waitFor(() =>
      expect(backend.called('saveSettings')).toMatchObject([{ tenant: 'contoso.example' }]),
    );
  });

  it('is not shown where policy names both', async () => {
    const locked = ['tenant', 'client_id'];
    await openWindow(nameless({ tenant: 'contoso.example', clientId: CLIENT, locked }));
    expect(byId('sign-in')).toBeInTheDocument();
    noId('set-up-view');
  });

  it('shows what is wrong with the own file and has the demo tenant at hand', async () => {
    const backend = nameless();
    backend.status.configProblem = {
      file: backend.status.settings.configFile,
      key: 'client_id',
      reason: 'not a GUID',
    };
    const { person } = await openWindow(backend);
    expect(byId('config-problem')).toHaveTextContent('/home/alma/.config/unlatch/config.toml');
    expect(byId('config-problem')).toHaveTextContent('not a GUID');
    await person.click(byId('try-demo'));
    await findId('demo-ribbon');
    await person.click(byId('leave-demo'));
    expect(await findId('set-up-view')).toBeInTheDocument();
  });
});

describe('adding a tenant', () => {
  async function open(backend: FakeBackend) {
    const opened = await openWindow(backend);
    await opened.person.click(byId('account-menu'));
    await opened.person.click(byId('add-tenant'));
    await findId('add-tenant-view');
    return opened;
  }

  it('starts with nothing of the first, shows the new one and signs in to it', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await open(backend);
    expect(byId('setup-tenant')).toHaveValue('');
    expect(byId('setup-client-id')).toHaveValue('');
    expect(screen.getByText('In the admin center, switch to this tenant first.')).toBeInTheDocument();
    await person.type(byId('setup-tenant'), 'fabrikam.example');
    await person.type(byId('setup-client-id'), CLIENT);
    const release = backend.hold('signIn');
    await person.click(byId('setup-save'));
    await findId('sign-in-waiting');
    expect(backend.called('addPlace')).toEqual([
      { tenant: 'fabrikam.example', clientId: CLIENT, cloud: 'global' },
    ]);
    expect(backend.called('saveSettings')).toEqual([]);
    release();
    await findId('search-input');
    await person.click(byId('account-menu'));
    await person.click(screen.getAllByTestId('place')[0] as HTMLElement);
    // The first tenant is as it was, not in the middle of adding.
    await findId('search-input');
    noId('add-tenant-view');
  });

  it('says that the tenant is on the list already, above what was clicked and in sight', async () => {
    const { person } = await open(FakeBackend.signedIn());
    const shown: [Element, unknown][] = [];
    Element.prototype.scrollIntoView = function (this: Element, how) {
      shown.push([this, how]);
    };
    onTestFinished(() => void Reflect.deleteProperty(Element.prototype, 'scrollIntoView'));
    await person.type(byId('setup-tenant'), 'contoso.example');
    await person.type(byId('setup-client-id'), CLIENT);
    await person.click(byId('setup-save'));
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('That tenant is on the list already.');
    expect(panel.compareDocumentPosition(byId('setup-save'))).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
    await waitFor(() => expect(shown).toEqual([[panel.parentElement, { block: 'nearest' }]]));
    await person.click(byId('leave-set-up'));
    await findId('search-input');
  });

  it('begins with the first one as long as there is none', async () => {
    const { person } = await openWindow(nameless());
    await person.click(byId('try-demo'));
    await person.click(await findId('sign-in'));
    await findId('search-input');
    await person.click(byId('account-menu'));
    await person.click(byId('add-tenant'));
    expect(await findId('set-up-view')).toBeInTheDocument();
    noId('demo-ribbon');
  });

  it('is not offered where policy names the one tenant', async () => {
    const backend = FakeBackend.signedIn();
    backend.status.settings.severalTenants = false;
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    expect(byId('open-settings')).toBeInTheDocument();
    noId('add-tenant');
    await person.click(byId('open-settings'));
    expect(byId('places')).toBeInTheDocument();
    noId('places-add');
  });
});
