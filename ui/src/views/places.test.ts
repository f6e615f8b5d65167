import { act, screen, waitFor, within } from '@testing-library/svelte';
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
    expect(dialog).toHaveAccessibleDescription(/^Fabrikam Alma Núñez · alma@fabrikam\.example/);
    expect(byId('confirm-as').style.getPropertyValue('border-inline-start-color')).toBe('var(--tenant-4)');
    expect(dialog).not.toHaveTextContent('Contoso');
    expect(backend.called('planRun')).toEqual([
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
    const release = backend.hold('devicesOfUser');
    await search(person, 'zoë');
    await waitFor(() => expect(backend.called('devicesOfUser')).toHaveLength(1));
    await go(person, 'two');
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    // The engine would answer for the tenant that is shown now.
    await act(release);
    expect(screen.queryAllByTestId('device-row')).toEqual([]);
    await go(person, 'home');
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-5', 'd-6', 'd-7']));
    expect(backend.called('devicesOfUser')).toHaveLength(2);
  });

  it('nothing is asked while the change is on its way', async () => {
    const backend = several();
    const { person } = await openWindow(backend);
    const release = backend.hold('showPlace');
    await go(person, 'two');
    await person.click(byId('mode-device'));
    await person.type(byId('search-input'), 'x{Enter}');
    expect(backend.called('findDevices')).toEqual([]);
    await act(release);
    await waitFor(() => expect(tenant()).toContain('Fabrikam'));
    expect(backend.called('findDevices')).toEqual([]);
    expect(byId('search-input')).toHaveValue('');
    await go(person, 'home');
    await waitFor(() => expect(backend.called('findDevices')).toEqual(['x']));
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
    expect(within(third).getByTestId('remove-place-yes')).toHaveFocus();
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

  it('the menu closes when something else is clicked', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('account-menu'));
    await person.click(byId('sign-out'));
    await person.click(byId('search-input'));
    noId('sign-out-here');
    noId('open-settings');
  });
});
