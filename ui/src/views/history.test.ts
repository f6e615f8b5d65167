import { act, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { afterEach, describe, expect, it } from 'vitest';

import type { HistoryQuery } from '../backend/backend';
import { FakeBackend, problem } from '../backend/fake';
import { startOfDay } from '../state/history.svelte';
import { useLocale } from '../state/locale.svelte';
import { byId, devicesOf, findId, noId, openWindow } from '../test-window';

afterEach(() => useLocale('en'));

/** The history after a run of three devices of Zoë's. */
async function history(backend = FakeBackend.signedIn()) {
  const opened = await openWindow(backend);
  await devicesOf(opened.person, 'zoë');
  await opened.person.keyboard('{Control>}a{Enter}{/Control}');
  await opened.person.type(await findId('reason-input'), 'INC-4711');
  await opened.person.click(byId('confirm-button'));
  await findId('run-view');
  await opened.person.click(byId('account-menu'));
  await opened.person.click(byId('open-history'));
  await findId('history-run');
  return { ...opened, backend };
}

const last = (backend: FakeBackend) => backend.called('searchHistory').at(-1) as HistoryQuery;

describe('the history', () => {
  it('has every run, and no list of devices before anything is asked', async () => {
    const { backend } = await history();
    expect(byId('history-counts')).toHaveTextContent('1 run');
    noId('history-item');
    expect(last(backend)).toEqual({ text: '', since: null, until: null });
  });

  it('finds a device and opens its run there; the way back leads to what was found', async () => {
    const { person, backend } = await history();
    await person.type(byId('history-text'), 'iphone');
    const item = await findId('history-item');
    expect(item).toHaveTextContent('IPHONE-00006');
    expect(item).toHaveTextContent('INC-4711');
    expect(byId('history-counts')).toHaveTextContent('1 run · 1 device matches');
    // As it is typed it is asked for once.
    expect(backend.called('searchHistory')).toHaveLength(2);
    await person.click(within(item).getByRole('button'));
    expect(await findId('item-detail')).toHaveAttribute('aria-label', 'Details of IPHONE-00006');
    await person.click(byId('back-to-desk'));
    expect(await findId('history-text')).toHaveValue('iphone');
    await findId('history-item');
  });

  it('can be narrowed and cleared by who comes back to it', async () => {
    const { person } = await history();
    for (let visit = 0; visit < 2; visit += 1) {
      await person.type(byId('history-text'), 'iphone');
      await findId('history-item');
      expect(byId('history-counts')).toHaveTextContent('1 run · 1 device matches');
      await person.click(byId('history-clear'));
      await waitFor(() => noId('history-item'));
      await person.click(byId('account-menu'));
      await person.click(byId('open-desk'));
      await person.click(byId('account-menu'));
      await person.click(byId('open-history'));
      await findId('history-run');
    }
  });

  it('takes days in the language of the window', async () => {
    await history();
    const languages = () => ['history-since', 'history-until'].map((id) => byId(id).getAttribute('lang'));
    expect(languages()).toEqual(['en', 'en']);
    await act(() => useLocale('es'));
    expect(languages()).toEqual(['es', 'es']);
  });

  it('finds by user, account and reason, and says when nothing matches', async () => {
    const { person } = await history();
    for (const text of ['núñez', 'alma@contoso', 'inc-47']) {
      await person.clear(byId('history-text'));
      await person.type(byId('history-text'), text);
      await waitFor(() => expect(screen.queryAllByTestId('history-item').length).toBeGreaterThan(0));
    }
    await person.type(byId('history-text'), ' nowhere');
    expect(await findId('history-none')).toHaveTextContent('Nothing in the history matches.');
    await person.click(byId('history-clear'));
    await findId('history-run');
    expect(byId('history-text')).toHaveValue('');
  });

  it('asks for whole local days, the last one with it', async () => {
    const { backend } = await history();
    await fireEvent.input(byId('history-since'), { target: { value: '2026-11-22' } });
    await fireEvent.input(byId('history-until'), { target: { value: '2026-11-23' } });
    await waitFor(() =>
      expect(last(backend)).toEqual({
        text: '',
        since: new Date(2026, 10, 22).toISOString(),
        until: new Date(2026, 10, 24).toISOString(),
      }),
    );
    expect(startOfDay('2026-12-31', 1)).toBe(new Date(2027, 0, 1).toISOString());
    expect(startOfDay('')).toBeNull();
  });

  it('says that days are the wrong way round, and asks nothing', async () => {
    const { backend } = await history();
    await fireEvent.input(byId('history-until'), { target: { value: '2026-11-21' } });
    await waitFor(() => expect(last(backend).until).not.toBeNull());
    const asked = backend.called('searchHistory').length;
    await fireEvent.input(byId('history-since'), { target: { value: '2026-11-22' } });
    expect(await screen.findByRole('alert')).toHaveTextContent('The first day is after the last one.');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(backend.called('searchHistory')).toHaveLength(asked);
  });

  it('drops an older answer', async () => {
    const { person, backend } = await history();
    const release = backend.hold('searchHistory');
    await person.type(byId('history-text'), 'nowhere');
    await waitFor(() => expect(last(backend).text).toBe('nowhere'));
    await person.clear(byId('history-text'));
    await person.type(byId('history-text'), 'surface');
    await findId('history-item');
    release();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(byId('history-item')).toHaveTextContent('SURFACE-00007');
  });

  it('says what went wrong and looks again', async () => {
    const { person, backend } = await history();
    backend.fail('searchHistory', problem('journal'));
    await person.type(byId('history-text'), 'ipad');
    expect(await findId('error-panel')).toHaveTextContent('The journal cannot be written or read.');
    await person.click(screen.getByRole('button', { name: 'Try again' }));
    await findId('history-item');
  });

  it('says when only the newest devices are shown', async () => {
    const { person, backend } = await history();
    const answer = backend.searchHistory;
    backend.searchHistory = async (query) => ({ ...(await answer(query)), matching: 1200 });
    await person.type(byId('history-text'), 'ipad');
    expect(await findId('history-newest')).toHaveTextContent('The newest one is shown.');
    expect(byId('history-counts')).toHaveTextContent('1,200 devices match');
    noId('history-newest-runs');
  });

  it('says when only the newest runs are shown, and counts them all', async () => {
    const { person, backend } = await history();
    const answer = backend.searchHistory;
    backend.searchHistory = async (query) => ({ ...(await answer(query)), matchingRuns: 1200 });
    await person.type(byId('history-text'), 'ipad');
    expect(await findId('history-newest-runs')).toHaveTextContent('Words or days find the others.');
    expect(byId('history-counts')).toHaveTextContent('1,200 runs');
  });
});
