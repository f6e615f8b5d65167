import { act, fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import axe from 'axe-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { FakeBackend, problem } from '../backend/fake';
import { fakeDevice } from '../backend/fake-tenant';
import en from '../messages/en.json';
import es from '../messages/es.json';
import { useLocale } from '../state/locale.svelte';
import { byId, deviceIds, devicesOf, findId, noId, openWindow, row, selectedIds } from '../test-window';

type Person = Awaited<ReturnType<typeof openWindow>>['person'];

function many(count: number): FakeBackend {
  const backend = FakeBackend.signedIn();
  backend.devicesFound = {
    devices: Array.from({ length: count }, (_, index) => fakeDevice(index + 1, null)),
  };
  return backend;
}

async function openTable(backend: FakeBackend) {
  const view = await openWindow(backend);
  await view.person.click(byId('mode-device'));
  await devicesOf(view.person, 'x');
  return view;
}

async function filterBy(person: Person, column: string, value: string) {
  await person.click(byId(`column-menu-${column}`));
  const box = await waitFor(() => {
    const found = byId('column-menu').querySelector<HTMLElement>(`[data-value="${value}"]`);
    if (!found) throw new Error(`no value ${value}`);
    return found;
  });
  await person.click(box);
  await person.keyboard('{Escape}');
}

/** A file as a browser gives it; jsdom's cannot be read. */
function fileOf(bytes: Uint8Array, name: string): File {
  const file = new File([new Uint8Array(bytes)], name, { type: 'text/plain' });
  return Object.assign(file, { arrayBuffer: () => Promise.resolve(bytes.slice().buffer) });
}

async function accessible() {
  const found = await axe.run(document.body, { rules: { 'color-contrast': { enabled: false } } });
  expect(found.violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
}

beforeEach(() => localStorage.clear());
afterEach(() => useLocale('en'));

describe('the table of devices', () => {
  it('sorts by a click on a heading, the other way by a second one, and as found by a third', async () => {
    const { person } = await openTable(many(30));
    const heading = () => byId('column-name').closest('[role=columnheader]');
    await person.click(byId('column-name'));
    await waitFor(() => expect(deviceIds('device-row')[0]).toBe('d-3'));
    expect(heading()).toHaveAttribute('aria-sort', 'ascending');
    expect(byId('column-name')).toHaveFocus();
    await person.click(byId('column-name'));
    await waitFor(() => expect(deviceIds('device-row')[0]).toBe('d-27'));
    expect(heading()).toHaveAttribute('aria-sort', 'descending');
    await person.click(byId('column-name'));
    await waitFor(() => expect(deviceIds('device-row')[0]).toBe('d-1'));
    expect(heading()).toHaveAttribute('aria-sort', 'none');
  });

  it('filters all columns as is typed and says how many match, and selects only those', async () => {
    const { person } = await openTable(many(1_000));
    await person.type(byId('table-filter'), 'surface go');
    await waitFor(() => expect(byId('matching')).toHaveTextContent('200 of 1,000 match'));
    expect(byId('results-grid')).toHaveAttribute('aria-rowcount', '201');
    expect(byId('select-all')).toHaveAccessibleName('Select all 200 that match');
    await person.click(byId('select-all'));
    await waitFor(() => expect(byId('tray')).toHaveAttribute('data-count', '200'));
    expect(byId('shown-selected')).toHaveTextContent('200 selected of 200');
    expect(byId('select-all')).toBeChecked();
    await person.click(byId('select-all'));
    await waitFor(() => noId('tray'));
    await person.clear(byId('table-filter'));
    await waitFor(() => noId('matching'));
  });

  it('filters a column by its values, shows that as a chip, and takes it away with one click', async () => {
    const { person } = await openTable(many(50));
    await filterBy(person, 'owner', 'personal');
    await waitFor(() => expect(byId('matching')).toHaveTextContent('10 of 50 match'));
    expect(byId('column-menu-owner')).toHaveFocus();
    expect(byId('chip-owner')).toHaveTextContent('Owner: Personal');
    await filterBy(person, 'warnings', 'neverSeen');
    await waitFor(() => expect(screen.getAllByTestId(/^chip-/)).toHaveLength(2));
    await person.click(byId('filters-clear'));
    await waitFor(() => noId('matching'));
    expect(screen.queryAllByTestId(/^chip-/)).toEqual([]);
    expect(byId('table-filter')).toHaveFocus();
  });

  it('filters by how long ago the last contact was', async () => {
    const { person } = await openTable(many(50));
    await person.click(byId('column-menu-lastContact'));
    await person.click(screen.getByRole('radio', { name: 'Longer ago than' }));
    await person.click(byId('column-apply'));
    await waitFor(() => expect(byId('chip-lastContact')).toHaveTextContent('longer ago than 30 days'));
    for (const id of deviceIds('device-row'))
      expect(row(id)).toHaveTextContent(/\b9\d days|Never in contact/);
  });

  it('says that nothing meets the filters, and gives the way back', async () => {
    const { person } = await openTable(many(5));
    await person.type(byId('table-filter'), 'qqq');
    expect(await findId('none-match')).toHaveTextContent('No device meets the filters.');
    await person.click(screen.getByRole('button', { name: 'Clear all filters' }));
    await waitFor(() => expect(screen.getAllByTestId('device-row')).toHaveLength(5));
    expect(byId('table-filter')).toHaveFocus();
  });

  it('shows the columns a person chose, and remembers their names and nothing else', async () => {
    const { person, unmount } = await openTable(many(5));
    expect(screen.queryByTestId('column-model')).toBeNull();
    await person.click(byId('columns-button'));
    expect(byId('column-toggle-name')).toBeDisabled();
    await person.click(byId('column-toggle-model'));
    await person.click(byId('column-toggle-serial'));
    await person.keyboard('{Escape}');
    expect(byId('columns-button')).toHaveFocus();
    expect(row('d-1')).toHaveTextContent('iPhone 15');
    expect(row('d-1')).not.toHaveTextContent('SN000010');
    expect({ ...localStorage }).toEqual({
      'unlatch.columns': JSON.stringify([
        'name',
        'user',
        'system',
        'model',
        'owner',
        'lastContact',
        'warnings',
      ]),
    });
    unmount();
    await openTable(many(5));
    expect(byId('column-model')).toBeInTheDocument();
    expect(byId('results-grid')).toHaveAttribute('aria-colcount', '8');
  });

  it('is not misled by what somebody else wrote into its storage', async () => {
    localStorage.setItem('unlatch.columns', '{"name":');
    const { unmount } = await openTable(many(2));
    expect(byId('column-name')).toBeInTheDocument();
    unmount();
    localStorage.setItem('unlatch.columns', '["<img>", "model"]');
    await openTable(many(2));
    expect(screen.getAllByRole('columnheader')).toHaveLength(3);
  });

  it('says how much is read while rows still come in, and keeps the focus where it is', async () => {
    const backend = many(500);
    backend.rowsAtOnce = 200;
    const { person } = await openTable(backend);
    expect(byId('shown')).toHaveTextContent('200 loaded so far · still reading');
    expect(byId('select-all')).toBeDisabled();
    await person.keyboard('{ArrowDown}{ArrowDown} ');
    await waitFor(() => expect(selectedIds()).toEqual(['d-3']));
    backend.readOn();
    await waitFor(() => expect(byId('results-grid')).toHaveAttribute('aria-rowcount', '401'));
    expect(row('d-3')).toHaveFocus();
    backend.readOn();
    await waitFor(() => expect(byId('shown')).toHaveTextContent('500 of 500 · all loaded'));
    expect(row('d-3')).toHaveFocus();
    expect(byId('select-all')).toBeEnabled();
  });

  it('says why the values of a column are not there, in the language of the window', async () => {
    const backend = many(5);
    const { person } = await openTable(backend);
    backend.fail('columnValues', problem('offline'));
    await person.click(byId('column-menu-owner'));
    const [english, spanish] = [en.error_offline, es.error_offline];
    await waitFor(() => expect(within(byId('column-menu')).getByRole('alert')).toHaveTextContent(english));
    await act(() => useLocale('es'));
    expect(within(byId('column-menu')).getByRole('alert')).toHaveTextContent(spanish);
  });

  it('keeps the focus in the table when the focused row is filtered away', async () => {
    const backend = many(40);
    const { person } = await openTable(backend);
    await person.keyboard('{End}');
    await waitFor(() => expect(row('d-40')).toHaveFocus());
    await fireEvent.input(byId('table-filter'), { target: { value: 'SN000010' } });
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-1']));
    await waitFor(() => expect(row('d-1')).toHaveFocus());
  });

  it('leads along its head with the arrows, from the rows and back to them', async () => {
    const { person } = await openTable(many(5));
    await person.keyboard('{ArrowUp}');
    expect(byId('select-all')).toHaveFocus();
    await person.keyboard('{ArrowRight}');
    expect(byId('column-name')).toHaveFocus();
    await person.keyboard('{ArrowRight}');
    expect(byId('column-menu-name')).toHaveFocus();
    await person.keyboard('{ArrowDown}');
    expect(row('d-1')).toHaveFocus();
  });

  it('opens the details of a device by Enter and by its button, without ticking it', async () => {
    const { person } = await openTable(many(5));
    await person.keyboard('{ArrowDown}{Enter}');
    await person.click(screen.getAllByTestId('open-details')[0] as HTMLElement);
    expect(selectedIds()).toEqual([]);
    expect(screen.getAllByTestId('open-details')[0]).toHaveAccessibleName('Details of IPHONE-00001');
  });

  it('does as a second click says although the first is still on its way', async () => {
    const { person } = await openTable(many(5));
    await person.keyboard('  ');
    await waitFor(() => expect(byId('announcer')).toHaveTextContent('0 devices selected'));
    expect(selectedIds()).toEqual([]);
  });

  it('draws hostile names harmlessly, and makes hidden marks visible', async () => {
    const backend = FakeBackend.signedIn();
    const names = [
      '<img src=x onerror=alert(1)>',
      'x\u202egnp.exe',
      'a\u200bb',
      'W'.repeat(10_000),
      '=CMD()',
    ];
    backend.devicesFound = {
      devices: names.map((name, index) => ({
        ...fakeDevice(index + 1, null),
        name,
        serial: name,
        userDisplayName: name,
        operatingSystem: name,
      })),
    };
    const { person } = await openTable(backend);
    await person.keyboard('{Control>}a{/Control}');
    await waitFor(() => expect(screen.getAllByTestId('tray-item')).toHaveLength(5));
    expect(document.querySelector('img')).toBeNull();
    const texts = () => [
      ...byId('results-grid').querySelectorAll('*'),
      ...byId('tray').querySelectorAll('*'),
    ];
    const all = texts().flatMap((node) => [
      node.textContent ?? '',
      node.getAttribute('title') ?? '',
      node.getAttribute('aria-label') ?? '',
    ]);
    expect(all.filter((text) => /[\u202e\u200b]/.test(text))).toEqual([]);
    expect(row('d-2')).toHaveTextContent('x‹U+202E›gnp.exe');
    expect(all.some((text) => text.includes('W'.repeat(301)))).toBe(false);
    expect(row('d-1')).toHaveTextContent('<img src=x onerror=alert(1)>');
  });
});

describe('a list of devices', () => {
  const LIST = 'SN000010\nSN000020\nunknown-1\nSN000010\nuser0003@contoso.example\n';

  async function lookUp(text = LIST) {
    const view = await openWindow(FakeBackend.signedIn());
    await view.person.click(byId('search-input'));
    await view.person.paste(text);
    await view.person.click(await findId('list-lookup'));
    await findId('list-tab-one');
    return view;
  }

  it('is recognised when it is pasted, and shows what became of each entry', async () => {
    const { person } = await lookUp();
    expect(byId('mode-list')).toHaveAttribute('aria-checked', 'true');
    const counts = ['one', 'several', 'none', 'double'].map(
      (tab) => byId(`list-tab-${tab}`).dataset['count'],
    );
    expect(counts).toEqual(['2', '1', '1', '1']);
    noId('list-tab-notRead');
    expect(deviceIds('device-row')).toEqual(['d-1', 'd-2']);
    expect(selectedIds()).toEqual([]);

    await person.click(byId('list-tab-none'));
    expect(screen.getAllByTestId('list-note')[0]).toHaveTextContent(/Line 3.*unknown-1/);
    await person.keyboard('{ArrowRight}');
    expect(byId('list-tab-double')).toHaveFocus();
    expect(screen.getAllByTestId('list-note')[0]).toHaveTextContent(/Line 4.*SN000010.*repeats line 1/);
    await person.click(byId('list-tab-several'));
    await waitFor(() => expect(screen.getAllByTestId('device-row').length).toBeGreaterThan(2));
    expect(screen.getAllByTestId('device-row')[0]).toHaveTextContent('user0003@contoso.example');
  });

  it('selects what is clear with one button, and nothing by itself', async () => {
    const { person } = await lookUp();
    noId('tray');
    expect(byId('list-select')).toHaveTextContent('Select the 2 devices');
    await person.click(byId('list-tab-several'));
    await person.click(byId('list-select'));
    await waitFor(() => expect(deviceIds('tray-item')).toEqual(['d-1', 'd-2']));
  });

  it('is read from a file', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('mode-list'));
    await waitFor(() => expect(byId('list-input')).toHaveFocus());
    expect(byId('list-lookup')).toBeDisabled();
    const bytes = new Uint8Array([0xff, 0xfe, 0x53, 0, 0x4e, 0, 0x31, 0]);
    await person.upload(byId('list-file'), fileOf(bytes, 'devices.csv'));
    await waitFor(() => expect(byId('list-input')).toHaveValue('SN1'));
    expect(byId('list-lookup')).toBeEnabled();
  });

  it('is taken from a file that is dropped anywhere on the desk', async () => {
    await openWindow(FakeBackend.signedIn());
    const file = fileOf(new TextEncoder().encode('SN000010,SN000020'), 'devices.txt');
    await fireEvent.drop(byId('search-input'), { dataTransfer: { files: [file], types: ['Files'] } });
    await waitFor(() => expect(byId('list-input')).toHaveValue('SN000010,SN000020'));
  });

  it('says plainly when it is too long', async () => {
    const { person } = await openWindow(FakeBackend.signedIn());
    await person.click(byId('mode-list'));
    await fireEvent.input(byId('list-input'), { target: { value: 'a\n'.repeat(20_001) } });
    expect(screen.getByRole('alert')).toHaveTextContent('The list has too many lines: at most 20,000.');
    expect(byId('list-lookup')).toBeDisabled();
  });

  it('tells how far it is while it is looked up', async () => {
    const backend = FakeBackend.signedIn();
    backend.rowsAtOnce = 1;
    const { person } = await openWindow(backend);
    await person.click(byId('search-input'));
    await person.paste(LIST);
    await person.click(await findId('list-lookup'));
    await waitFor(() => expect(byId('progress')).toHaveTextContent(/^1 of \d+ looked up$/));
  });

  it('does not say of how many while nobody knows', async () => {
    const backend = FakeBackend.signedIn();
    backend.rowsAtOnce = 1;
    backend.readsAll = true;
    const { person } = await openWindow(backend);
    await person.click(byId('search-input'));
    await person.paste(LIST);
    await person.click(await findId('list-lookup'));
    await waitFor(() => expect(byId('progress')).toHaveTextContent(/^1 device read so far$/));
  });

  it('counts what is selected and filtered below the table alone, not below plain entries', async () => {
    const { person } = await lookUp();
    await person.click(byId('list-select'));
    expect(await findId('shown-selected')).toHaveTextContent('2 selected of 2');
    await person.click(byId('list-tab-none'));
    noId('shown-selected');
    noId('table-filter');
    expect(byId('shown')).toHaveTextContent('all loaded');
    await person.click(byId('list-tab-one'));
    expect(await findId('shown-selected')).toHaveTextContent('2 selected of 2');
  });

  it('says so where no entry is of a kind', async () => {
    const { person } = await lookUp('SN000010\nSN000020');
    await person.click(byId('list-tab-several'));
    noId('results-grid');
    await person.click(byId('list-tab-one'));
    await waitFor(() => expect(deviceIds('device-row')).toEqual(['d-1', 'd-2']));
  });

  it('is found again among the recent searches', async () => {
    const { person } = await lookUp();
    await person.click(byId('mode-user'));
    await person.clear(byId('search-input'));
    await waitFor(() => expect(screen.getAllByTestId('recent-search')).toHaveLength(1));
    expect(byId('recent-search')).toHaveAttribute('data-kind', 'list');
    await person.keyboard('{ArrowDown}{Enter}');
    await findId('list-tab-one');
    expect(byId('mode-list')).toHaveAttribute('aria-checked', 'true');
  });
});

describe('the tray', () => {
  it('draws few of many devices, grouped as a person likes', async () => {
    const { person } = await openTable(many(1_000));
    await person.keyboard('{Control>}a{/Control}');
    await waitFor(() => expect(byId('tray')).toHaveAttribute('data-count', '1000'));
    expect(screen.getAllByTestId('tray-item').length).toBeLessThan(60);
    await person.selectOptions(byId('tray-grouping'), 'system');
    await waitFor(() => expect(screen.getAllByTestId('tray-heading')[0]).toHaveTextContent('iOS'));
  });

  it('clears with a way back', async () => {
    const { person } = await openTable(many(12));
    await person.keyboard('{Control>}a{/Control}');
    await person.click(await findId('tray-clear'));
    await waitFor(() => expect(byId('tray')).toHaveAttribute('data-count', '0'));
    expect(byId('tray')).toHaveTextContent('Cleared 12 devices');
    expect(byId('tray-undo')).toHaveFocus();
    noId('recover-button');
    await person.keyboard('{Enter}');
    await waitFor(() => expect(byId('tray')).toHaveAttribute('data-count', '12'));
    expect(byId('recover-button')).toHaveFocus();
  });
});

describe('accessibility of the desk', () => {
  const PATIENCE_MS = 30_000;

  it(
    'axe finds nothing in a filtered table with its menus and the tray',
    async () => {
      const { person } = await openTable(many(12));
      await filterBy(person, 'owner', 'personal');
      await person.click(byId('select-all'));
      await findId('tray');
      await person.click(byId('columns-button'));
      await accessible();
      await person.keyboard('{Escape}');
      await person.click(byId('column-menu-system'));
      await accessible();
    },
    PATIENCE_MS,
  );

  it(
    'axe finds nothing in a list and what became of it',
    async () => {
      const { person } = await openWindow(FakeBackend.signedIn());
      await person.click(byId('mode-list'));
      await person.type(byId('list-input'), 'SN000010\nunknown');
      await accessible();
      await person.click(byId('list-lookup'));
      await person.click(await findId('list-tab-none'));
      await accessible();
    },
    PATIENCE_MS,
  );
});
