import axe from 'axe-core';
import { render, screen, waitFor, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import { contextOf } from '../components/app-context';
import DeviceDetails from '../components/DeviceDetails.svelte';
import { AppState } from '../state/app.svelte';
import { now } from '../state/clock.svelte';
import { useLocale } from '../state/locale.svelte';
import { byId, findId, noId } from '../test-window';

afterEach(() => {
  useLocale('en');
  document.querySelectorAll('[data-made]').forEach((made) => made.remove());
});

async function open(backend: FakeBackend, deviceId = 'd-6') {
  const app = new AppState(backend);
  await app.start();
  const onclose = vi.fn();
  const view = render(DeviceDetails, { props: { deviceId, onclose }, context: contextOf(app) });
  return { app, onclose, person: userEvent.setup(), ...view };
}

/** The fact of that name, as it is drawn. */
function fact(name: string): HTMLElement {
  const label = screen.getAllByText(name).find((each) => each.tagName === 'DT');
  if (!label?.parentElement) throw new Error(`no fact ${name}`);
  return label.parentElement;
}

describe('the details of a device', () => {
  it('tell what it is, warnings first, and take the focus', async () => {
    const backend = FakeBackend.signedIn();
    await open(backend);
    expect(await findId('details-warnings')).toHaveTextContent('Never in contact · Personal device');
    expect(screen.getByRole('heading', { level: 2 })).toHaveTextContent('Details of IPHONE-00006');
    expect(screen.getByRole('heading', { level: 2 })).toHaveFocus();
    expect(fact('Serial')).toHaveTextContent('SN000060');
    expect(fact('Mail')).toHaveTextContent('user0002@contoso.example');
    expect(fact('Owner')).toHaveTextContent('Personal');
    expect(fact('Compliance')).toHaveTextContent('Compliant');
    expect(fact('Supervised')).toHaveTextContent('Yes');
    expect(fact('Jailbroken or rooted')).toHaveTextContent('No');
    expect(fact('In all')).toHaveTextContent('64 GiB');
    expect(screen.queryByText('Phone number')).toBeNull();
    expect(backend.called('deviceDetails')).toEqual(['d-6']);
  });

  it('copy each value as it is, not as it is drawn', async () => {
    const backend = FakeBackend.signedIn();
    const name = 'x\u202egnp.exe';
    backend.details = { device: { ...fakeDevice(6, null), name } };
    const { person } = await open(backend);
    await findId('details-read');
    expect(fact('Name')).toHaveTextContent('x‹U+202E›gnp.exe');
    await person.click(within(fact('Name')).getByRole('button', { name: 'Copy Name' }));
    expect(await navigator.clipboard.readText()).toBe(name);
    for (const each of screen.getAllByRole('definition')) within(each).getByRole('button');
  });

  it('tell known actions and states in words, and unknown ones as they are', async () => {
    await open(FakeBackend.signedIn());
    await findId('details-read');
    const results = byId('details-results');
    expect(results).toHaveTextContent(/Recover the passcode\s*Done/);
    expect(results).toHaveTextContent(/Locate\s*Not supported/);
    expect(results).toHaveTextContent(/someNewAction\s*someNewState/);
  });

  it('say the same in Spanish at once, numbers and dates too', async () => {
    const backend = FakeBackend.signedIn();
    backend.details = { results: [] };
    await open(backend);
    await findId('details-read');
    useLocale('es');
    await waitFor(() => expect(fact('Cumplimiento')).toHaveTextContent('Conforme'));
    expect(byId('details-results')).toHaveTextContent('No informa de ninguna acción.');
    expect(byId('details-recoveries')).toHaveTextContent('Ninguna en el diario de este equipo.');
    expect(fact('Inscrito')).toHaveTextContent(/oct 2025/);
  });

  it('lead to an earlier recovery, at the device', async () => {
    const backend = FakeBackend.signedIn();
    backend.details = {
      recoveries: [
        {
          runId: 'run-9',
          position: 4,
          started: '2026-11-01T08:00:00Z',
          account: 'bea@contoso.example',
          reason: 'INC-7',
          name: 'IPHONE-00006',
          serial: null,
          user: null,
          state: 'unconfirmed',
          at: null,
        },
      ],
    };
    const { app, person } = await open(backend);
    const past = await findId('details-recoveries');
    await waitFor(() => expect(past).toHaveTextContent('INC-7'));
    expect(past).toHaveTextContent('Unconfirmed: may have arrived');
    expect(past).toHaveTextContent('bea@contoso.example');
    await person.click(within(past).getByRole('button'));
    expect(app.view).toEqual({ name: 'run', runId: 'run-9', from: 'desk', at: 4 });
  });

  it('say when they were read, and read again', async () => {
    const backend = FakeBackend.signedIn();
    backend.now = now() - 10_000;
    const { person } = await open(backend);
    expect(await findId('details-read')).toHaveTextContent(/^Read 1\d seconds ago$/);
    await person.click(byId('details-refresh'));
    await waitFor(() => expect(backend.called('deviceDetails')).toHaveLength(2));
  });

  it('say what went wrong and try again', async () => {
    const backend = FakeBackend.signedIn();
    backend.fail('deviceDetails', problem('notFound'));
    const { person } = await open(backend);
    expect(await findId('error-panel')).toBeVisible();
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await findId('details-read');
    noId('error-panel');
  });

  it('drop the answer for a device that was left meanwhile', async () => {
    const backend = FakeBackend.signedIn();
    const release = backend.hold('deviceDetails');
    const { rerender } = await open(backend, 'd-5');
    await rerender({ deviceId: 'd-7' });
    await waitFor(() => expect(screen.getByRole('heading', { level: 2 })).toHaveTextContent('SURFACE-00007'));
    release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(screen.getByRole('heading', { level: 2 })).toHaveTextContent('SURFACE-00007');
  });

  it.each(['Escape', 'the button'])('close by %s and give the focus back to the row', async (how) => {
    const row = document.createElement('div');
    row.tabIndex = -1;
    row.dataset['testid'] = 'device-row';
    row.dataset['deviceId'] = 'd-6';
    row.dataset['made'] = '';
    document.body.append(row);
    const { onclose, person } = await open(FakeBackend.signedIn());
    await findId('details-read');
    if (how === 'Escape') await person.keyboard('{Escape}');
    else await person.click(byId('details-close'));
    expect(onclose).toHaveBeenCalledOnce();
    await waitFor(() => expect(row).toHaveFocus());
  });

  it('have nothing that axe finds', async () => {
    await open(FakeBackend.signedIn());
    await findId('details-read');
    const found = await axe.run(document.body, {
      rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
    });
    expect(found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
  });
});
