import { render, screen, waitFor } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { FakeBackend, fakeHold, problem } from '../backend/fake';
import { contextOf } from '../components/app-context';
import DeviceDetails from '../components/DeviceDetails.svelte';
import { m } from '../paraglide/messages';
import { AppState } from '../state/app.svelte';
import { clock } from '../state/clock.svelte';
import { untilTime } from '../state/format';
import { byId, deviceIds, devicesOf, findId, noId, openWindow, search } from '../test-window';

const WAIT = 42 * 60;

function held(mayProbe = true, seconds = WAIT) {
  return problem('throttled', { hold: fakeHold(seconds, clock(), mayProbe) });
}

/** The desk after a search that was told to wait. */
async function heldSearch(error = held()) {
  const backend = FakeBackend.signedIn();
  const { person } = await openWindow(backend);
  backend.fail('searchDevices', error);
  await person.click(byId('mode-device'));
  await search(person, 'SN000120');
  const banner = await findId('trouble-banner');
  return { backend, person, banner, until: untilTime(error.hold?.until ?? '', clock()) };
}

async function run() {
  const backend = FakeBackend.signedIn();
  const { person } = await openWindow(backend);
  await devicesOf(person, 'zoë');
  await person.keyboard('{Control>}a{Enter}{/Control}');
  await findId('confirm-dialog');
  await person.click(byId('confirm-button'));
  await findId('run-view');
  return { backend, person, id: 'run-2' };
}

describe('a long wait that Graph asks for', () => {
  it('is told with its end, what is left of it, and one action that asks once and goes on', async () => {
    const { backend, person, banner, until } = await heldSearch();
    expect(banner).toHaveTextContent(`Microsoft Graph asked to wait until ${until}.`);
    expect(banner).toHaveTextContent('About 42 minutes left');
    expect(banner).toHaveTextContent('Try now asks once. If Graph answers, the wait is over.');
    expect(byId('announcer')).toHaveTextContent(`Microsoft Graph asked to wait until ${until}.`);
    expect(screen.queryByRole('button', { name: 'Try again' })).toBeNull();
    const button = screen.getByRole('button', { name: 'Try now' });
    expect(button).toHaveAccessibleDescription(expect.stringContaining(until));
    const asked = backend.called('searchDevices').length;
    await person.click(button);
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-12']));
    expect(backend.called('probeHold')).toHaveLength(1);
    expect(backend.called('searchDevices')).toHaveLength(asked + 1);
    noId('trouble-banner');
  });

  it('goes on with the end that the try was told, and nothing else is asked', async () => {
    const { backend, person, banner } = await heldSearch();
    const asked = backend.called('searchDevices').length;
    const next = held(true, 2 * 3600);
    backend.fail('probeHold', next);
    await person.click(byId('try-now'));
    const until = untilTime(next.hold?.until ?? '', clock());
    await waitFor(() => expect(banner).toHaveTextContent(`until ${until}.`));
    expect(backend.called('searchDevices')).toHaveLength(asked);
    await person.click(byId('try-now'));
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-12']));
  });

  it('says why a try learned nothing, and the wait is still told', async () => {
    const { backend, person } = await heldSearch();
    backend.fail('probeHold', problem('service'));
    await person.click(byId('try-now'));
    expect(await findId('error-panel')).toHaveAttribute('data-code', 'service');
    expect(byId('trouble-banner')).toHaveTextContent('asked to wait until');
  });

  it('is tried once at a time', async () => {
    const { backend, person } = await heldSearch();
    const release = backend.hold('probeHold');
    await person.click(byId('try-now'));
    expect(byId('try-now')).toHaveTextContent('Trying…');
    await person.click(byId('try-now'));
    release();
    await waitFor(() => noId('trouble-banner'));
    expect(backend.called('probeHold')).toHaveLength(1);
  });

  it('cannot be ended where a request for a device was told, and says that the limit for sending stands', async () => {
    const { banner, until } = await heldSearch(held(false));
    expect(banner).toHaveTextContent(
      `Microsoft Graph's limit for sending stands until ${until}. Nothing goes out before, and searching waits as well.`,
    );
    expect(banner.querySelector('button')).toBeNull();
  });

  it('can be gone on from when it is over', async () => {
    const error = problem('throttled', { hold: fakeHold(WAIT, clock() - (WAIT + 60) * 1000, false) });
    const { person, banner } = await heldSearch(error);
    expect(banner).toHaveTextContent('That time has come.');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-12']));
  });

  it('is told in seconds and tried again by hand while it is short', async () => {
    const { banner } = await heldSearch(held(true, 17));
    expect(banner).toHaveTextContent('Microsoft Graph asked to wait 17 seconds.');
    expect(screen.getByRole('button', { name: 'Try again' })).toBeVisible();
    noId('try-now');
  });

  it('is told by a run, which goes on when a try is answered', async () => {
    const { backend, person, id } = await run();
    const hold = fakeHold(WAIT, clock());
    backend.say(id, { hold });
    const notice = await findId('hold-notice');
    const until = untilTime(hold.until, clock());
    expect(notice).toHaveTextContent(`Microsoft Graph asked to wait until ${until}. Nothing is lost.`);
    backend.say(id, { hold: null });
    backend.say(id, { hold });
    const watched = backend.called('watchRun').length;
    await person.click(byId('try-now'));
    await waitFor(() => expect(backend.called('watchRun')).toHaveLength(watched + 1));
    expect(backend.called('probeHold')).toHaveLength(1);
    backend.say(id, { hold: null });
    await waitFor(() => noId('hold-notice'));
  });

  it('is told by a run with no action where a request for a device was told', async () => {
    const { backend, id } = await run();
    backend.say(id, { hold: fakeHold(WAIT, clock(), false) });
    expect(await findId('hold-notice')).toHaveTextContent("Microsoft Graph's limit for sending stands until");
    noId('try-now');
  });

  it('is told where details of a device are not had, with the same action', async () => {
    const backend = FakeBackend.signedIn();
    const app = new AppState(backend);
    await app.start();
    backend.fail('deviceDetails', held());
    render(DeviceDetails, { props: { deviceId: 'd-6', onclose: () => {} }, context: contextOf(app) });
    const panel = await findId('error-panel');
    expect(panel).toHaveTextContent('Microsoft Graph asked to wait until');
    await userEvent.click(screen.getByRole('button', { name: 'Try now' }));
    await waitFor(() => noId('error-panel'));
    expect(backend.called('deviceDetails')).toHaveLength(2);
    expect(backend.called('probeHold')).toHaveLength(1);
  });

  it('has words in Spanish', () => {
    const inSpanish = { locale: 'es' as const };
    expect(m.throttled_until({ time: '14:35' }, inSpanish)).toBe(
      'Microsoft Graph pidió esperar hasta esta hora: 14:35.',
    );
    expect(m.throttled_try_now({}, inSpanish)).toBe('Probar ahora');
  });
});
