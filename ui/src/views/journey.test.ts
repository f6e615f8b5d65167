import { screen, waitFor } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { FakeBackend } from '../backend/fake';
import { byId, deviceIds, devicesOf, findId, noId, openWindow } from '../test-window';

describe('the main job', () => {
  it('goes from sign-in to the answers by keyboard alone', async () => {
    const backend = new FakeBackend();
    const { person } = await openWindow(backend);

    expect(byId('sign-in')).toHaveFocus();
    await person.keyboard('{Enter}');
    await waitFor(() => expect(byId('search-input')).toHaveFocus());

    await person.keyboard('zoë{Enter}');
    await waitFor(() => expect(document.activeElement).toHaveAttribute('data-device-id', 'd-5'));
    await person.keyboard(' {ArrowDown}{ArrowDown} ');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-7']);

    await person.keyboard('{Control>}2{/Control}');
    expect(byId('search-input')).toHaveFocus();
    await person.clear(byId('search-input'));
    await person.keyboard('exam{Enter}');
    expect(await screen.findAllByTestId('app-option')).toHaveLength(4);
    await person.keyboard('{ArrowDown}{Enter}');
    await waitFor(() => expect(backend.called('searchDevices')).toContainEqual({ kind: 'app', id: 'a-2' }));
    await waitFor(() => expect(document.activeElement).toHaveAttribute('data-testid', 'device-row'));
    await person.keyboard('{End} {Control>}{Enter}{/Control}');

    await findId('confirm-dialog');
    expect(screen.getByRole('heading', { level: 1 })).toHaveFocus();
    expect(byId('confirm-button')).toHaveTextContent('Recover 3 passcodes');
    byId('reason-input').focus();
    await person.keyboard('INC-4711{Tab}{Tab}');
    expect(byId('confirm-button')).toHaveFocus();
    await person.keyboard('{Enter}');

    await findId('run-view');
    expect(backend.called('startRun')).toEqual([
      { planId: 'plan-1', leaveOut: [], reason: 'INC-4711', count: 3 },
    ]);
    expect(backend.planned).toEqual([
      [
        { deviceId: 'd-5', route: { kind: 'user', id: 'u-1', label: 'Zoë Ruiz' } },
        { deviceId: 'd-7', route: { kind: 'user', id: 'u-1', label: 'Zoë Ruiz' } },
        { deviceId: 'd-11', route: { kind: 'app', id: 'a-2', label: 'Exam Browser 3.6.1' } },
      ],
    ]);
    await waitFor(() => expect(deviceIds('run-item')).toEqual(['d-5', 'd-7', 'd-11']));
    for (let sent = 0; sent < 3; sent += 1) backend.step('run-2');
    await waitFor(() => expect(screen.getAllByText('Accepted, waiting for the device')).toHaveLength(3));

    byId('check-outcomes').focus();
    await person.keyboard('{Enter}');
    expect(await screen.findByText('Device reports: not supported')).toBeInTheDocument();

    byId('back-to-desk').focus();
    await person.keyboard('{Enter}');
    await waitFor(() => expect(byId('search-input')).toHaveFocus());
    noId('tray');
  });

  it('is not confirmed by a bare Enter from the table or from the reason', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' {Enter}');
    noId('confirm-dialog');

    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
    await person.keyboard('{Enter}');
    await person.click(byId('reason-input'));
    await person.keyboard('now{Enter}');
    expect(backend.called('startRun')).toEqual([]);
  });

  it('changes the words of the whole window with the language, and loses nothing', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await openWindow(backend);
    await devicesOf(person, 'zoë');
    await person.keyboard(' ');
    await person.click(byId('account-menu'));
    await person.click(byId('language-es'));
    await waitFor(() => expect(byId('recover-button')).toHaveTextContent('Recuperar 1 código de acceso'));
    expect(document.documentElement.lang).toBe('es');
    expect(backend.called('saveSettings')).toMatchObject([{ language: 'es' }]);
  });
});
