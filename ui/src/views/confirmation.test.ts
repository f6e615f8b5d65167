import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { describe, expect, it } from 'vitest';

import { FakeBackend, fakeAccount, fakePlace, problem } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import { byId, deviceIds, devicesOf, findId, noId, openWindow } from '../test-window';

async function review(backend: FakeBackend, text = 'zoë') {
  const opened = await openWindow(backend);
  if (text !== 'zoë') await opened.person.click(byId('mode-device'));
  await devicesOf(opened.person, text);
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('confirm-dialog');
  return opened;
}

describe('the confirmation', () => {
  it('says what happens, as whom, to what, and by which route', async () => {
    await review(FakeBackend.signedIn());
    const dialog = within(byId('confirm-dialog'));
    expect(dialog.getByText(/resets the PIN of a Windows phone/)).toBeInTheDocument();
    expect(dialog.getByText('Contoso')).toBeInTheDocument();
    expect(dialog.getByText(/iPadOS\s1 · iOS\s1 · Windows\s1/)).toBeInTheDocument();
    expect(dialog.getAllByText('Through the user Zoë Ruiz')).toHaveLength(3);
  });

  it('counts by user, system and owner', async () => {
    await review(FakeBackend.signedIn());
    expect(byId('confirm-by-user')).toHaveTextContent(
      /^Séan O'Brien · user0002@contoso.example\s2; Alma Núñez · user0001@contoso.example\s1$/,
    );
    expect(within(byId('confirm-dialog')).getByText(/Company\s2 · Personal\s1/)).toBeInTheDocument();
  });

  it('puts what Microsoft does not document among the warnings, in the list too', async () => {
    const backend = FakeBackend.signedIn();
    backend.documented = ({ id }) => id !== 'd-7';
    await review(backend);
    expect(deviceIds('plan-item')).toEqual(['d-6', 'd-7', 'd-5']);
    expect(screen.getAllByTestId('plan-item')[1]).toHaveTextContent(
      'Microsoft does not document the action for this system',
    );
  });

  it('does not go on above the largest run', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await (async () => {
      const plan = backend.planRun;
      backend.planRun = async (...given) => ({ ...(await plan(...given)), maxRunSize: 2 });
      return review(backend);
    })();
    expect(byId('confirm-over')).toHaveTextContent('At most 2 devices in one run.');
    expect(byId('confirm-button')).toBeDisabled();
    await person.click(screen.getAllByRole('checkbox')[0] as HTMLElement);
    noId('confirm-over');
    expect(byId('confirm-button')).toBeEnabled();
  });

  it('tells two customers of the same name apart in its title', async () => {
    const namesake = { ...fakeAccount, tenantId: 'other' };
    const backend = FakeBackend.signedIn().with(
      fakePlace('two', { tenant: 'contoso-schools.example', account: namesake, signedIn: true }),
    );
    await review(backend);
    expect(screen.getByRole('heading', { level: 1 })).toHaveTextContent(
      'recover 3 passcodes in Contoso (contoso.example)',
    );
    expect(byId('confirm-tenant')).toHaveTextContent('contoso.example');
  });

  it('lists devices with warnings first and leaves them out together', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    expect(deviceIds('plan-item')[0]).toBe('d-6');
    await person.click(screen.getAllByRole('button', { name: 'Leave these out' })[0] as HTMLElement);
    expect(byId('confirm-button')).toHaveTextContent('Recover 2 passcodes');
    await person.click(byId('confirm-button'));
    await findId('run-view');
    expect(backend.called('startRun')).toMatchObject([{ leaveOut: ['d-6'], count: 2, reason: null }]);
  });

  it('takes back in only what no other reason leaves out', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    // One device is both a personal one and never in contact; another one is unticked by hand.
    const [personal, both] = [0, 1];
    const button = (at: number) => screen.getAllByTestId('leave-out')[at] as HTMLElement;
    await person.click(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' }));
    await person.click(button(personal));
    await person.click(button(both));
    expect(byId('confirm-button')).toHaveTextContent('Recover 1 passcode');
    await person.click(button(personal));
    expect(screen.getByRole('checkbox', { name: 'Include IPHONE-00006' })).not.toBeChecked();
    await person.click(button(both));
    expect(screen.getByRole('checkbox', { name: 'Include IPHONE-00006' })).toBeChecked();
    expect(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' })).not.toBeChecked();
  });

  it('does not take in by a group what was unticked by hand', async () => {
    const { person } = await review(FakeBackend.signedIn());
    const box = () => screen.getByRole('checkbox', { name: 'Include IPHONE-00006' });
    await person.click(box());
    await person.click(screen.getAllByTestId('leave-out')[0] as HTMLElement);
    await person.click(screen.getAllByTestId('leave-out')[0] as HTMLElement);
    expect(box()).not.toBeChecked();
    await person.click(box());
    expect(byId('confirm-button')).toHaveTextContent('Recover 3 passcodes');
  });

  it('has the worst warnings first though nothing is documented, and says that once', async () => {
    const backend = FakeBackend.signedIn();
    backend.documented = () => false;
    backend.devicesFound = {
      devices: [
        { ...fakeDevice(1, null), id: 'silent', warnings: [{ kind: 'silent', days: 93 }] },
        { ...fakeDevice(2, null), id: 'sound', warnings: [] },
        { ...fakeDevice(3, null), id: 'owned', warnings: [{ kind: 'personal' }] },
        {
          ...fakeDevice(4, null),
          id: 'leaving',
          warnings: [
            { kind: 'silent', days: 93 },
            { kind: 'removalPending', state: 'retirePending' },
          ],
        },
      ],
    };
    await review(backend);
    expect(deviceIds('plan-item')).toEqual(['leaving', 'owned', 'silent', 'sound']);
    noId('plan-note');
    expect(byId('confirm-dialog')).toHaveTextContent(
      'Microsoft does not document the action for this system · 4 devices',
    );
  });

  it('tells two people of one name apart, and has words for nobody', async () => {
    const backend = FakeBackend.signedIn();
    const person = (number: number, userPrincipalName: string | null) => ({
      ...fakeDevice(number, null),
      userDisplayName: userPrincipalName && 'Ana Gil',
      userPrincipalName,
    });
    backend.devicesFound = {
      devices: [person(1, 'ana@contoso.example'), person(2, 'gil@contoso.example'), person(3, null)],
    };
    await review(backend);
    expect(byId('confirm-by-user')).toHaveTextContent(
      /^Ana Gil · ana@contoso.example\s1; Ana Gil · gil@contoso.example\s1; Without a user\s1$/,
    );
    const rows = screen.getAllByTestId('plan-item').map((row) => row.textContent);
    expect(rows.filter((text) => text.includes('Ana Gil · gil@contoso.example'))).toHaveLength(1);
    expect(rows.filter((text) => text.includes('Without a user'))).toHaveLength(1);
  });

  it('keeps what is left out and the reason when it is left and opened again', async () => {
    const { person } = await review(FakeBackend.signedIn());
    await person.click(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' }));
    await person.type(byId('reason-input'), 'INC-1');
    await person.keyboard('{Escape}');
    await person.click(byId('recover-button'));
    await findId('confirm-dialog');
    expect(byId('confirm-left-out')).toHaveTextContent('1 left out');
    expect(byId('confirm-button')).toHaveTextContent('Recover 2 passcodes');
    expect(byId('reason-input')).toHaveValue('INC-1');
  });

  it('forgets them when the selection is cleared', async () => {
    const { person } = await review(FakeBackend.signedIn());
    await person.click(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' }));
    await person.type(byId('reason-input'), 'INC-1');
    await person.keyboard('{Escape}');
    await person.click(byId('tray-clear'));
    await person.click(await findId('tray-undo'));
    await person.click(await findId('recover-button'));
    await findId('confirm-dialog');
    noId('confirm-left-out');
    expect(byId('reason-input')).toHaveValue('');
  });

  it('forgets them when a run starts', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    await person.click(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' }));
    await person.type(byId('reason-input'), 'INC-1');
    await person.click(byId('confirm-button'));
    await findId('run-view');
    expect(backend.called('startRun')).toMatchObject([{ leaveOut: ['d-5'], count: 2, reason: 'INC-1' }]);
    await person.click(byId('back-to-desk'));
    await devicesOf(person, 'zoë');
    await person.keyboard('{Control>}a{/Control}');
    await person.click(await findId('recover-button'));
    await findId('confirm-dialog');
    noId('confirm-left-out');
    expect(byId('reason-input')).toHaveValue('');
  });

  it('is not left by an Escape that was meant for something else', async () => {
    await review(FakeBackend.signedIn());
    await fireEvent.keyDown(byId('reason-input'), { key: 'Escape', isComposing: true });
    const taken = (event: Event) => event.preventDefault();
    document.body.addEventListener('keydown', taken, { once: true });
    await fireEvent.keyDown(byId('reason-input'), { key: 'Escape' });
    expect(byId('confirm-dialog')).toBeInTheDocument();
  });

  it('cannot go on when every device is left out', async () => {
    const { person } = await review(FakeBackend.signedIn());
    for (const box of screen.getAllByRole('checkbox')) await person.click(box);
    expect(byId('confirm-button')).toBeDisabled();
    expect(screen.getByText('Every device is left out.')).toBeInTheDocument();
  });

  it('asks for a reason where one is required', async () => {
    const backend = FakeBackend.signedIn();
    backend.status = { ...backend.status, settings: { ...backend.status.settings, requireReason: true } };
    const { person } = await review(backend);
    expect(byId('confirm-button')).toBeDisabled();
    expect(screen.getByText(/Give a reason or ticket to go on/)).toBeInTheDocument();
    await person.type(byId('reason-input'), '   ');
    expect(byId('confirm-button')).toBeDisabled();
    await person.type(byId('reason-input'), 'INC-1');
    expect(byId('confirm-button')).toBeEnabled();
  });

  it('has the count typed above the threshold, and only the right one will do', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend, 'IPADOS');
    expect(byId('confirm-button')).toHaveTextContent('Recover 40 passcodes');
    expect(byId('confirm-button')).toBeDisabled();
    await person.type(byId('typed-count'), '4');
    expect(byId('confirm-button')).toBeDisabled();
    await person.type(byId('typed-count'), '0');
    expect(byId('confirm-button')).toBeEnabled();

    // One device fewer makes the typed number wrong again.
    await person.click(screen.getAllByRole('checkbox')[0] as HTMLElement);
    expect(byId('confirm-button')).toBeDisabled();
  });

  it('asks for no count at the threshold', async () => {
    const backend = FakeBackend.signedIn();
    backend.typedCountAbove = 3;
    await review(backend);
    noId('typed-count');
    expect(byId('confirm-button')).toBeEnabled();
  });

  it('is not sent by Enter in a check box or a field, nor by the second click of a double click', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    (screen.getAllByRole('checkbox')[0] as HTMLElement).focus();
    await person.keyboard('{Enter}{Enter}');
    byId('reason-input').focus();
    await person.keyboard('{Enter}');
    await fireEvent.click(byId('confirm-button'), { detail: 2 });
    expect(backend.called('startRun')).toEqual([]);
    await fireEvent.click(byId('confirm-button'), { detail: 1 });
    await findId('run-view');
  });

  it('gives the focus back to the button that opened it', async () => {
    const { person } = await review(FakeBackend.signedIn());
    await person.keyboard('{Escape}');
    expect(byId('recover-button')).toHaveFocus();
    await person.keyboard('{Enter}');
    await findId('confirm-dialog');
    expect(screen.getByRole('heading', { level: 1 })).toHaveFocus();
  });

  it('says that a device still waits in another run, and leads there', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    backend.fail('startRun', problem('deviceInRun'));
    await person.click(byId('confirm-button'));
    expect(await findId('error-panel')).toHaveTextContent(
      'A device of this selection still waits in another run.',
    );
    await person.click(screen.getByRole('button', { name: 'Open the history' }));
    await findId('history-view');
  });

  it('goes back with Escape and keeps the selection', async () => {
    const { person } = await review(FakeBackend.signedIn());
    await person.keyboard('{Escape}');
    noId('confirm-dialog');
    expect(deviceIds('tray-item')).toEqual(['d-5', 'd-6', 'd-7']);
  });

  it('offers a new review when the plan no longer matches, and sends nothing', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    await person.click(screen.getByRole('checkbox', { name: 'Include IPADOS-00005' }));
    backend.fail('startRun', problem('planMismatch'));
    await person.click(byId('confirm-button'));
    expect(await findId('error-panel')).toHaveTextContent('Nothing was sent. Review the selection again.');
    await person.click(screen.getByRole('button', { name: 'Review again' }));
    await waitFor(() => expect(backend.called('planRun')).toHaveLength(2));
    await findId('confirm-dialog');
    noId('error-panel');
    expect(byId('confirm-left-out')).toHaveTextContent('1 left out');
  });

  it('starts a run once, however often the button is pressed', async () => {
    const backend = FakeBackend.signedIn();
    const { person } = await review(backend);
    const release = backend.hold('startRun');
    await person.click(byId('confirm-button'));
    await person.click(byId('confirm-button'));
    await person.keyboard('{Escape}');
    expect(byId('confirm-dialog')).toBeInTheDocument();
    release();
    await findId('run-view');
    expect(backend.called('startRun')).toHaveLength(1);
  });
});
