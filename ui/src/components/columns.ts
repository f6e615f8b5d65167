import type { Column, ColumnFilter, DeviceRow, DeviceWarning } from '../backend/backend';
import { m } from '../paraglide/messages';
import { isolated } from '../state/bidi';
import { clock } from '../state/clock.svelte';
import { complianceText, managementStateText } from '../state/device-words';
import { exactTime, relativeTime } from '../state/format';
import { visible } from '../state/visible';
import { ownerText, systemText, warningKindWords, warningsText } from '../state/words';

interface ColumnView {
  words: () => string;
  /** The narrowest it gets, in pixels, and its share of what is left. */
  least: number;
  share: number;
  /** What its filter asks for. */
  filter: 'text' | 'values' | 'days';
}

export const columnViews: Record<Column, ColumnView> = {
  name: { words: m.col_name, least: 152, share: 1.3, filter: 'text' },
  serial: { words: m.col_serial, least: 104, share: 0.7, filter: 'text' },
  user: { words: m.col_user, least: 88, share: 1, filter: 'text' },
  system: { words: m.col_system, least: 104, share: 1, filter: 'values' },
  model: { words: m.col_model, least: 104, share: 1, filter: 'values' },
  owner: { words: m.col_owner, least: 112, share: 0.5, filter: 'values' },
  compliance: { words: m.col_compliance, least: 116, share: 0.5, filter: 'values' },
  lastContact: { words: m.col_last_contact, least: 116, share: 0.9, filter: 'days' },
  enrolled: { words: m.col_enrolled, least: 116, share: 0.5, filter: 'days' },
  managementState: { words: m.col_management, least: 116, share: 0.5, filter: 'values' },
  warnings: { words: m.col_warnings, least: 116, share: 1.3, filter: 'values' },
};

/** How a value that a column has is said. */
export function valueText(column: Column, value: string): string {
  switch (column) {
    case 'owner':
      return visible(ownerText(value));
    case 'compliance':
      return complianceText(value);
    case 'managementState':
      return managementStateText(value);
    case 'warnings':
      if (value === '') return m.no_warning();
      return warningKindWords[value as DeviceWarning['kind']]?.() ?? visible(value);
    default:
      return value === '' ? m.unknown() : visible(value);
  }
}

/** A person by name and user name, because two may have one name, each of at most so many characters; nothing where neither is known. */
export function personText(name: string | null, username: string | null, most?: number): string {
  return [...new Set([name, username])]
    .filter((part): part is string => Boolean(part))
    .map((part) => isolated(visible(part, most)))
    .join(' · ');
}

const day = (iso: string | null) => (iso ? relativeTime(iso, clock()) : m.never());

/** What stands in a cell. */
export function cellText(column: Column, device: DeviceRow): string {
  switch (column) {
    case 'name':
      return visible(device.name);
    case 'serial':
      return visible(device.serial ?? '–');
    case 'user':
      return personText(device.userDisplayName, device.userPrincipalName) || '–';
    case 'system':
      return visible(systemText(device));
    case 'model':
      return visible(device.model ?? '–');
    case 'lastContact':
      return day(device.lastContact);
    case 'enrolled':
      return device.enrolled ? relativeTime(device.enrolled, clock()) : '–';
    case 'warnings':
      return visible(warningsText(device));
    case 'owner':
    case 'compliance':
    case 'managementState':
      return valueText(column, device[column]);
  }
}

/** What is told of a cell when the pointer rests on it: all of it, and the exact time. */
export function cellTitle(column: Column, device: DeviceRow): string {
  const both = (...texts: (string | null)[]) =>
    texts
      .filter((text): text is string => Boolean(text))
      .map((text) => visible(text))
      .join(' · ');
  switch (column) {
    case 'user':
      return personText(device.userDisplayName, device.userPrincipalName) || m.tray_no_user();
    case 'system':
      return both(systemText(device), device.model);
    case 'lastContact':
      return device.lastContact ? exactTime(device.lastContact) : m.never();
    case 'enrolled':
      return device.enrolled ? exactTime(device.enrolled) : '';
    default:
      return cellText(column, device);
  }
}

/** A condition, in words. */
export function filterText(filter: ColumnFilter): string {
  const column = columnViews[filter.column].words();
  switch (filter.kind) {
    case 'contains':
      return m.chip_contains({ column, text: isolated(visible(filter.text, 60)) });
    case 'oneOf': {
      const [first = ''] = filter.values;
      return filter.values.length === 1
        ? m.chip_is({ column, value: isolated(valueText(filter.column, first)) })
        : m.chip_values({ column, count: filter.values.length });
    }
    case 'before':
      return m.chip_before({ column, days: filter.days });
    case 'within':
      return m.chip_within({ column, days: filter.days });
  }
}
