import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import App from '../App.svelte';
import { FakeBackend, problem } from '../backend/fake';
import { fakeAccount } from '../backend/fake-values';
import { findId, noId } from '../test-window';
import * as views from './further';

/** A start on which the rest of the window is read when `read` is called. */
function start(backend: FakeBackend) {
  let read = () => {};
  const reading = new Promise<typeof views>((done) => (read = () => done(views)));
  render(App, { props: { backend, further: () => reading } });
  return { person: userEvent.setup(), read };
}

describe('a start', () => {
  it('draws the desk before the rest of the window is read, and keeps what was done meanwhile', async () => {
    const { person, read } = start(FakeBackend.signedIn());
    expect(await findId('search-input')).toHaveFocus();
    await person.keyboard('user0003{Enter}');
    noId('device-row');
    read();
    expect((await screen.findAllByTestId('device-row')).length).toBeGreaterThan(0);
  });

  it('opens what was asked for as soon as it is read', async () => {
    const { person, read } = start(FakeBackend.signedIn());
    await findId('search-input');
    await person.keyboard('{Control>}k{/Control}');
    noId('palette');
    read();
    await findId('palette');
  });

  it('goes on where it was cut off when the window cannot hear what happens', async () => {
    const backend = FakeBackend.signedIn();
    backend.fail('watchWindow', problem('internal'));
    const { person, read } = start(backend);
    read();
    await findId('error-panel');
    noId('search-input');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await findId('search-input');
  });

  it('reads once more what could not be read', async () => {
    let tries = 0;
    const further = () => (tries++ === 0 ? Promise.reject(new Error('torn')) : Promise.resolve(views));
    render(App, { props: { backend: new FakeBackend(), further } });
    await screen.findByTestId('sign-in', undefined, { timeout: 3_000 });
    expect(tries).toBe(2);
  });

  it('without a sign-in shows the sign-in', async () => {
    const { read } = start(new FakeBackend());
    read();
    await findId('sign-in');
  });
});

describe('a kept sign-in', () => {
  it('is shown otherwise when Entra and Graph have been asked', async () => {
    const backend = FakeBackend.signedIn();
    const { read } = start(backend);
    read();
    await findId('search-input');
    backend.status = {
      ...backend.status,
      session: { kind: 'signedIn', account: { ...fakeAccount, tenantName: 'Fabrikam' } },
    };
    backend.notify('accountChanged');
    expect(await screen.findByText('Fabrikam')).toBeVisible();
  });
});
