import { screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { FakeBackend } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import { cellText } from '../components/columns';
import { byId, deviceIds, devicesOf, openWindow } from '../test-window';

const remove = (name: string) => screen.getByRole('button', { name: `Remove ${name}` });

async function selected() {
  const opened = await openWindow(FakeBackend.signedIn());
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{/Control}');
  await waitFor(() => expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']));
  return opened;
}

describe('the tray', () => {
  it('is one stop for Tab, and arrow keys lead from device to device', async () => {
    const { person } = await selected();
    const stops = () => [...byId('tray').querySelectorAll('[data-remove][tabindex="0"]')];
    expect(stops()).toEqual([remove('IPADOS-00005')]);
    remove('IPADOS-00005').focus();
    await person.keyboard('{ArrowDown}');
    await waitFor(() => expect(remove('IPHONE-00006')).toHaveFocus());
    expect(stops()).toEqual([remove('IPHONE-00006')]);
    await person.keyboard('{End}');
    await waitFor(() => expect(remove('SURFACE-00007')).toHaveFocus());
    await person.keyboard('{Home}');
    await waitFor(() => expect(remove('IPADOS-00005')).toHaveFocus());
    await person.keyboard('{ArrowUp}{Delete}');
    await waitFor(() => expect(remove('IPHONE-00006')).toHaveFocus());
    expect(deviceIds('tray-item')).toEqual(['d-6', 'd-7']);
  });

  it('has the serial of a device beside its warnings', async () => {
    await selected();
    const item = screen.getAllByTestId('tray-item').find((each) => each.dataset['deviceId'] === 'd-6');
    expect(item).toHaveTextContent(/SN000060 · .*ersonal/);
  });

  it('is folded by Escape where it lies over the table', async () => {
    const { person } = await selected();
    await person.click(screen.getByRole('button', { name: 'Show the selection', hidden: true }));
    remove('IPADOS-00005').focus();
    await person.keyboard('{Escape}');
    const fold = screen.getByRole('button', { name: 'Show the selection', hidden: true });
    expect(fold).toHaveAttribute('aria-expanded', 'false');
    expect(fold).toHaveFocus();
  });
});

describe('the user of a device in the table', () => {
  it('has the user name too, because two may have one name', () => {
    const device = {
      ...fakeDevice(5, null),
      userDisplayName: 'Ana Gil',
      userPrincipalName: 'ana@contoso.example',
    };
    expect(cellText('user', device)).toBe('Ana Gil · ana@contoso.example');
    expect(cellText('user', { ...device, userDisplayName: null })).toBe('ana@contoso.example');
    expect(cellText('user', { ...device, userDisplayName: null, userPrincipalName: null })).toBe('–');
  });
});
