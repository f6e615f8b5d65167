import { act, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { fakeAccount, FakeBackend, fakePlace, problem } from '../backend/fake';
import { byId, deviceIds, devicesOf, findId, noId, openWindow, search, selectedIds } from '../test-window';

type Person = Awaited<ReturnType<typeof openWindow>>['person'];

const fabrikam = {
  ...fakeAccount,
  username: 'alma@fabrikam.example',
  tenantId: '77777777-0000-4000-8000-000000000002',
  tenantName: 'Fabrikam',
  tenantColour: 4,
};

/** Signed in to Contoso and Fabrikam, signed out of Northwind. */
function several(backend = FakeBackend.signedIn()): FakeBackend {
  return backend
    .with(
      fakePlace('two', { tenant: 'fabrikam.example', account: fabrikam, signedIn: true, removable: true }),
    )
    .with(fakePlace('three', { tenant: 'northwind.example', removable: true }));
}

async function go(person: Person, id: string) {
  await person.click(byId('account-menu'));
  await person.click(screen.getAllByTestId('place').find((place) => place.dataset['place'] === id)!);
}

const tenant = () => byId('title-tenant').textContent?.replace(/\s+/g, ' ').trim();

describe('several tenants', () => {
  it('are listed in the account menu, with who is signed in where and what is under way', async () => {
    const backend = several();
    backend.running.add('two');
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    const places = screen.getAllByTestId('place');
    expect(places.map((place) => place.textContent?.replace(/\s+/g, ' ').trim())).toEqual([
      'Contoso alma@contoso.example',
      'Fabrikam alma@fabrikam.example · run under way',
      'northwind.example signed out',
    ]);
    expect(places.map((place) => [place.role, place.getAttribute('aria-checked')])).toEqual([
      ['menuitemradio', 'true'],
      ['menuitemradio', 'false'],
      ['menuitemradio', 'false'],
    ]);
  });

  it('are changed by keyboard alone, and the change is told', async () => {
    const { person } = await openWindow(several());
    byId('account-menu').focus();
    await person.keyboard('{ArrowDown}{ArrowDown}');
    expect(document.activeElement).toHaveAttribute('data-place', 'two');
    await person.keyboard('{Enter}');
    await waitFor(() => expect(tenant()).toBe('Fabrikam (fabrikam.example)'));
    await waitFor(() => expect(byId('search-input')).toHaveFocus());
    expect(byId('announcer')).toHaveTextContent('Fabrikam is shown now. Signed in as alma@fabrikam.example.');
    await go(person, 'three');
    await findId('sign-in');
    expect(byId('announcer')).toHaveTextContent('northwind.example is shown now. Nobody is signed in there.');
  });

  it('keep their selections, searches and views apart, and never send those of another', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{/Control}');
    expect(selectedIds()).toEqual(['d-5', 'd-6', 'd-7']);

    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    noId('tray');
    expect(byId('search-input')).toHaveValue('');
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
    expect(document.body.textContent).not.toContain('Zoë');
    await person.keyboard('{Control>}{Enter}{/Control}');
    expect(backend.called('planRun')).toEqual([]);

    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    expect(deviceIds('tray-item')).toEqual(['two-d-5']);
    await person.keyboard('{Control>}{Enter}{/Control}');
    const dialog = await findId('confirm-dialog');
    expect(dialog).toHaveAccessibleDescription(
      /^Fabrikam fabrikam\.example Alma Núñez · alma@fabrikam\.example/,
    );
    expect(byId('confirm-as').style.getPropertyValue('border-inline-start-color')).toBe('var(--tenant-4)');
    expect(dialog).toHaveAccessibleName('Review: recover 1 passcode in Fabrikam');
    expect(dialog).not.toHaveTextContent('Contoso');
    expect(backend.planned).toEqual([
      [{ deviceId: 'two-d-5', route: { kind: 'user', id: 'u-1', label: 'Zoë Ruiz' } }],
    ]);
    await person.click(byId('confirm-back'));
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));

    await go(person, 'home');
    await waitFor(() => expect(tenant()).toContain('Contoso'));
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
    expect(byId('search-input')).toHaveValue('zoë');
    await go(person, 'two');
    expect(await findId('settings-view')).toBeInTheDocument();
  });

  it('an answer that comes after the change is taken by neither, and is asked for anew on the way back', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    const release = backend.hold('searchDevices');
    await search(person, 'zoë');
    await waitFor(() => expect(backend.called('searchDevices')).toHaveLength(1));
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    // The engine would answer for the tenant that is shown now.
    await act(release);
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
    await go(person, 'home');
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-5', 'd-6', 'd-7']));
    expect(backend.called('searchDevices')).toHaveLength(2);
  });

  it('nothing is asked while the change is on its way', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    const release = backend.hold('showPlace');
    await go(person, 'two');
    await person.click(byId('mode-device'));
    await person.type(byId('search-input'), 'x{Enter}');
    expect(backend.called('searchDevices')).toEqual([]);
    await act(release);
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    expect(backend.called('searchDevices')).toEqual([]);
    expect(byId('search-input')).toHaveValue('');
    await go(person, 'home');
    await waitFor(() => expect(backend.called('searchDevices')).toEqual([{ kind: 'text', text: 'x' }]));
  });

  it('a click on one while another change is on its way leaves the menu open', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    const release = backend.hold('showPlace');
    await go(person, 'two');
    await go(person, 'three');
    expect(screen.getAllByTestId('place')[2]).toHaveAttribute('aria-disabled', 'true');
    await act(release);
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    expect(backend.called('showPlace')).toEqual(['two']);
  });

  it('are told apart by what they were named by, not by the account', async () => {
    const guest = { ...fabrikam, username: 'alma@contoso.example' };
    const backend = FakeBackend.signedIn().with(
      fakePlace('two', { tenant: 'fabrikam.example', account: guest, signedIn: true, removable: true }),
    );
    const unnamed = { ...fabrikam, tenantName: 'northwind.example' };
    backend.with(
      fakePlace('three', { tenant: 'northwind.example', account: unnamed, signedIn: true, removable: true }),
    );
    const { person } = await openWindow(backend);
    expect(tenant()).toBe('Contoso (contoso.example)');
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toBe('Fabrikam (fabrikam.example)'));
    await go(person, 'three');
    await waitFor(() => expect(tenant()).toBe(`northwind.example (${fabrikam.tenantId})`));
  });

  it('the demo tenant is named by nothing more', async () => {
    const { person } = await openWindow(FakeBackend.signedIn({ mode: 'demo' }));
    expect(tenant()).toBe('Contoso');
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    expect(await findId('confirm-dialog')).toHaveAccessibleName('Review: recover 3 passcodes');
    noId('confirm-tenant');
  });

  it('the one that is shown stays if the change fails', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    backend.fail('showPlace', problem('journal'));
    await go(person, 'two');
    await findId('error-panel');
    expect(tenant()).toContain('Contoso');
    expect(deviceIds('tray-item')).toEqual(['d-5']);
    await devicesOf(person, 'alma');
    expect(deviceIds('device-row').length).toBeGreaterThan(0);
  });

  it('a signed-out one leads to the others', async () => {
    const backend = several(new FakeBackend());
    const { person } = await openWindow(backend);
    expect(byId('sign-in-tenant')).toHaveTextContent('Tenant: contoso.example');
    await person.click(screen.getByRole('button', { name: /Fabrikam/ }));
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
  });

  it('one that is named wrongly is removed where it cannot be signed in to', async () => {
    const backend = several(new FakeBackend());
    const { person } = await openWindow(backend);
    expect(byId('tenant-and-application')).toBeInTheDocument();
    noId('remove-place');
    await person.click(screen.getByRole('button', { name: /northwind/ }));
    await waitFor(() => expect(byId('sign-in-tenant')).toHaveTextContent('northwind.example'));
    noId('tenant-and-application');
    expect(
      screen.getByText('To correct the tenant or the application, remove it here and add it again.'),
    ).toBeInTheDocument();
    await person.click(byId('remove-place'));
    expect(screen.getByRole('button', { name: 'Cancel' })).toHaveFocus();
    await person.click(byId('remove-place-yes'));
    await waitFor(() => expect(byId('sign-in-tenant')).toHaveTextContent('contoso.example'));
    expect(backend.called('removePlace')).toEqual(['three']);
    expect(byId('sign-in')).toHaveFocus();
  });

  it('the fields of the first one are not offered for another that policy fixes', async () => {
    const backend = new FakeBackend().with(fakePlace('two', { tenant: 'fabrikam.example' }));
    const { person } = await openWindow(backend);
    await person.click(byId('show-place'));
    await waitFor(() => expect(byId('sign-in-tenant')).toHaveTextContent('fabrikam.example'));
    noId('tenant-and-application');
    noId('remove-place');
  });

  it('one that policy fixes keeps its desk when the first is registered otherwise', async () => {
    const backend = FakeBackend.signedIn().with(
      fakePlace('two', { tenant: 'fabrikam.example', account: fabrikam, signedIn: true }),
    );
    const { person } = await openWindow(backend);
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(screen.getByRole('group', { name: 'Registration of Contoso, the first tenant' })).toContainElement(
      byId('settings-tenant'),
    );
    await person.clear(byId('settings-tenant'));
    await person.type(byId('settings-tenant'), 'adatum.example');
    await person.click(byId('settings-save'));
    await waitFor(() => expect(backend.called('saveSettings')).toHaveLength(1));
    await person.click(byId('account-menu'));
    await person.click(byId('open-desk'));
    expect(deviceIds('tray-item')).toEqual(['two-d-5']);
  });

  it('whose registration the settings hold is said where there are several', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    expect(screen.queryByRole('group', { name: /Registration of/ })).toBeNull();
  });

  it('a review cannot be left for another tenant', async () => {
    const { person } = await openWindow(several());
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{Enter}{/Control}');
    const dialog = await findId('confirm-dialog');
    expect(byId('account-menu').closest('header')).toHaveProperty('inert', true);
    expect(within(dialog).getByText('Contoso')).toBeInTheDocument();
  });

  it('are removed in the settings after one more question, and not while a run is under way', async () => {
    const backend = several();
    backend.running.add('two');
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    const [first, second, third] = screen.getAllByTestId('places-item') as [
      HTMLElement,
      HTMLElement,
      HTMLElement,
    ];
    expect(within(first).queryByRole('button')).toBeNull();
    expect(within(second).getByTestId('remove-place')).toBeDisabled();
    expect(second).toHaveTextContent('It cannot be removed while a run is under way.');

    await person.click(within(third).getByTestId('remove-place'));
    expect(third).toHaveTextContent('Signs out of northwind.example and takes it off the list.');
    expect(within(third).getByRole('button', { name: 'Cancel' })).toHaveFocus();
    expect(backend.called('removePlace')).toEqual([]);
    await person.click(within(third).getByRole('button', { name: 'Cancel' }));
    expect(within(third).getByTestId('remove-place')).toHaveFocus();

    await person.click(within(third).getByTestId('remove-place'));
    backend.fail('removePlace', problem('runUnderWay'));
    await person.click(byId('remove-place-yes'));
    expect(await findId('error-panel')).toHaveTextContent('A run is under way.');
    await person.click(byId('remove-place-yes'));
    await waitFor(() => expect(screen.getAllByTestId('places-item')).toHaveLength(2));
    expect(backend.called('removePlace')).toEqual(['three', 'three']);
    // The one that cannot be removed now is passed over.
    expect(byId('places-add')).toHaveFocus();
    expect(byId('announcer')).toHaveTextContent('northwind.example was removed.');
  });

  it('a removed one leaves nothing for a new one of the same name', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    await person.click(screen.getAllByTestId('remove-place')[0] as HTMLElement);
    await person.click(byId('remove-place-yes'));
    await waitFor(() => expect(tenant()).toContain('Contoso'));
    backend.with(
      fakePlace('two', { tenant: 'fabrikam.example', account: fabrikam, signedIn: true, removable: true }),
    );
    await person.click(byId('account-menu'));
    await person.click(byId('open-settings'));
    await person.click(byId('settings-save'));
    await waitFor(() => expect(screen.getAllByTestId('places-item')).toHaveLength(3));
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    expect(byId('search-input')).toHaveValue('');
    noId('tray');
  });
});

describe('signing out', () => {
  it('is a choice in the menu, quick by keyboard', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    byId('account-menu').focus();
    await person.keyboard('{Enter}{ArrowUp}');
    expect(byId('sign-out')).toHaveFocus();
    await person.keyboard('{Enter}');
    await waitFor(() => expect(byId('sign-out-here')).toHaveFocus());
    noId('sign-out');
    await person.keyboard('{Escape}');
    await waitFor(() => expect(byId('sign-out')).toHaveFocus());
    await person.keyboard('{Enter}');
    await waitFor(() => expect(byId('sign-out-here')).toHaveFocus());
    await person.keyboard('{ArrowDown}');
    expect(byId('sign-out-browser')).toHaveFocus();
    await person.keyboard('{Enter}');
    await findId('sign-in');
    expect(backend.called('signOut')).toEqual([true]);
  });

  it('names the tenant, and the run that waits meanwhile', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    expect(byId('sign-out-here')).toHaveTextContent('Sign out of Contoso');
    expect(byId('sign-out-browser')).toHaveTextContent('Sign out of Contoso and in the browser');
    noId('sign-out-run');
    backend.running.add('two');
    await person.keyboard('{Escape}{Escape}');
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    expect(byId('sign-out-here')).toHaveTextContent('Sign out of Fabrikam');
    expect(byId('sign-out-here')).toHaveAccessibleDescription(
      'The run under way waits until you sign in again.',
    );
  });

  it('a double click signs nobody out', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    await fireEvent.click(byId('sign-out-here'), { detail: 2 });
    await fireEvent.click(byId('sign-out-browser'), { detail: 2 });
    expect(byId('sign-out-here')).toBeInTheDocument();
    expect(backend.called('signOut')).toEqual([]);
    await fireEvent.click(byId('sign-out-here'), { detail: 1 });
    await findId('sign-in');
    expect(backend.called('signOut')).toEqual([false]);
  });

  it('the menu closes when something else is clicked', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    await person.click(byId('search-input'));
    noId('sign-out-here');
    noId('open-settings');
  });
});
